"""Troupe from inside a training script.

troupe.torch      PyTorch through Troupe's reducers: a backend of torch.distributed, and DDP's hook
troupe.hypertune  reports metrics to hyperparameter tuning, call for call as cloudml-hypertune
"""
