"""Troupe from inside a training script.

troupe.torch      gradients of PyTorch's DistributedDataParallel through Troupe's reducers
troupe.hypertune  reports metrics to hyperparameter tuning, call for call as cloudml-hypertune
"""
