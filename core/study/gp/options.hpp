#pragma once
#include <map>
#include <string>
#include <vector>
namespace troupe::core::gp {
struct options {
  double joint_length = 0.5, joint_length_power = 0.5, joint_length_sd = 1.0;
  double additive_length = 0.5, additive_length_sd = 1.0;
  double joint_variance = 1.0, additive_variance = 1.0, variance_sd = 1.5;
  double noise_variance = 1e-4, noise_sd = 3.0, noise_min = 1e-9;
  double wiggly = 0.08;
  int starts = 3;
  double coarse = 8e4;
  int coarse_iterations = 6;
  double fit_gradient = 2e-2, fit_value = 1e-3;
  int fit_iterations = 20;
  int bends = 5; // how many
  double bend_fixed = 0;
  int candidates = 256, near = 48, crossed = 64, climbs = 6, climb_iterations = 40;
  double ucb = 1.8;
  int ucb_every = 2; // 0: never, 1 always, k: every k-th
  int thompson_every = 0;
  int initial = 4;
  int noadd = 0;
  int joint_every = 3;
  double joint_margin = 4;
  int joint_ucb = 0;
  int mode = 0;
  double x1 = 0, x2 = 0, x3 = 0, x4 = 0;
};
} // namespace troupe::core::gp
