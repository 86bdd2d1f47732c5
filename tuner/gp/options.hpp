// The constants of the Gaussian process and of the search for its best point. They were chosen by
// measuring (docs/decisions/0013-the-tuners-gaussian-process.md says on what problems); a test or
// a benchmark may try others.
#pragma once

namespace troupe::tuner::gp {

struct options {
  // Priors: normal distributions of logarithms, by their mean and standard deviation (sd). Lengths
  // are in units of a parameter's range. In more dimensions points are further apart, so joint
  // lengths grow with a power of their number.
  double joint_length = 0.5;
  double joint_length_power = 0.5;
  double joint_length_sd = 1.0;
  double additive_length = 0.5;
  double additive_length_sd = 1.0;
  double joint_variance = 1.0;
  double additive_variance = 1.0;
  double variance_sd = 1.5;
  double noise_variance = 1e-4;
  double noise_sd = 3.0;
  double noise_min = 1e-9;

  // The fit: climbs from the best `starts` of a few guesses, on few trials first.
  double wiggly = 0.08; // the additive length of the guess that finds ripples
  int starts = 3;
  double coarse = 8e4; // (trials of the first climbs)^2 * features
  int coarse_iterations = 6;
  int fit_iterations = 20;
  double fit_gradient = 2e-2;
  double fit_value = 1e-3;
  int bends = 5; // the number of ways to warp the losses that compete; 1: no warping

  // The search for the next point.
  int candidates = 256; // anywhere
  int near = 48;        // around each of the best trials
  int crossed = 64;     // between good trials
  int climbs = 5;
  int climb_iterations = 30;

  // The acquisition: which points are sought.
  int initial = 4;   // trials by quasi-random search before the model is used
  double ucb = 1.8;  // deviations in a confidence bound
  int ucb_every = 2; // every so many trials a confidence bound, else expected improvement; 0: never
  // While trials are under way, where at least this part of the parameters is smooth, a narrow
  // bound in place of both, which stays near what is expected to be best, ...
  double narrow_smooth = 0.75;
  double narrow = 0.6;
  int improve_every = 4; // ... but every so many trials expected improvement
  bool additive = true;
  int joint_every = 3;     // every so many trials a model without the additive part is asked, ...
  double joint_margin = 4; // ... unless it explains the trials worse by this much (log posterior)
  int far_every = 3;       // of several objectives: every so many trials the whole front is sought
  int branch_every = 2;    // every so many trials a neglected branch (tuner/branches.hpp)
};

} // namespace troupe::tuner::gp
