//! The objects that OpenDSS has before any script: default shapes, curves and spectra.

/// Run at the start and after `Clear`.
pub const SCRIPT: &str = "\
new loadshape.default npts=24 interval=1 mult=[0.677 0.6256 0.6087 0.5833 0.58028 0.6025 \
  0.657 0.7477 0.832 0.88 0.94 0.989 0.985 0.98 0.9898 0.999 1 0.958 0.936 0.913 0.876 0.876 \
  0.828 0.756]\n\
new growthshape.default npts=2 year=[1 20] mult=[1.025 1.025]\n\
new tcc_curve.a npts=5 c_array=[1 2.5 4.5 8 14] t_array=[0.15 0.07 0.05 0.045 0.045]\n\
new tcc_curve.d npts=5 c_array=[1 2.5 4.5 8 14] t_array=[6 0.7 0.2 0.06 0.02]\n\
new tcc_curve.tlink npts=7 c_array=[2 2.1 3 4 6 22 50] t_array=[300 100 10.1 4 1.4 0.1 0.02]\n\
new tcc_curve.klink npts=6 c_array=[2 2.2 3 4 6 30] t_array=[300 20 4 1.3 0.41 0.02]\n\
new tcc_curve.uv1547 npts=2 c_array=[0.5 0.9] t_array=[0.166 2]\n\
new tcc_curve.ov1547 npts=2 c_array=[1.1 1.2] t_array=[2 0.166]\n\
new tcc_curve.mod_inv npts=15 c_array=[1.1 1.3 1.5 2 3 4 5 6 7 8 9 10 20 50 100] \
  t_array=[27.1053 9.9029 6.439 3.8032 2.4322 1.9458 1.6883 1.5255 1.4117 1.3267 1.2604 \
  1.2068 0.9481 0.7468 0.6478]\n\
new tcc_curve.very_inv npts=15 c_array=[1.1 1.3 1.5 2 3 4 5 6 7 8 9 10 20 50 100] \
  t_array=[93.872 28.9113 16.179 7.0277 2.9423 1.7983 1.3081 1.0513 0.8995 0.8023 0.7361 \
  0.6891 0.5401 0.4988 0.493]\n\
new tcc_curve.ext_inv npts=15 c_array=[1.1 1.3 1.5 2 3 4 5 6 7 8 9 10 20 50 100] \
  t_array=[134.4074 40.9913 22.6817 9.5217 3.6467 2.0017 1.2967 0.9274 0.7092 0.5693 0.4742 \
  0.4065 0.1924 0.133 0.1245]\n\
new tcc_curve.definite npts=3 c_array=[1 1.001 100] t_array=[300 1 1]\n\
new spectrum.default numharm=7 harmonic=[1 3 5 7 9 11 13] %mag=[100 33 20 14 11 9 7] angle=[0 \
  0 0 0 0 0 0]\n\
new spectrum.defaultload numharm=7 harmonic=[1 3 5 7 9 11 13] %mag=[100 1.5 20 14 1 9 7] \
  angle=[0 180 180 180 180 180 180]\n\
new spectrum.defaultgen numharm=7 harmonic=[1 3 5 7 9 11 13] %mag=[100 5 3 1.5 1 0.7 0.5] \
  angle=[0 0 0 0 0 0 0]\n\
new spectrum.defaultvsource numharm=1 harmonic=[1] %mag=[100] angle=[0]\n\
new spectrum.linear numharm=1 harmonic=[1] %mag=[100] angle=[0]\n\
new spectrum.pwm6 numharm=13 harmonic=[1 3 5 7 9 11 13 15 17 19 21 23 25] %mag=[100 4.4 76.5 \
  62.7 2.9 24.8 12.7 0.5 7.1 8.4 0.9 4.4 3.3] angle=[-103 -5 28 -180 -33 -59 79 36 -253 -124 \
  3 -30 86]\n\
new spectrum.dc6 numharm=10 harmonic=[1 3 5 7 9 11 13 15 17 19] %mag=[100 1.2 33.6 1.6 0.4 \
  8.7 1.2 0.3 4.5 1.3] angle=[-75 28 156 29 -91 49 54 148 -57 -46]\n\
";
