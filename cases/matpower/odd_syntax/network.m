function grid = odd_syntax
%{
grid.baseMVA = 1;
%}
grid.version = "2"; grid.baseMVA = 1e2;
grid.bus = [ 7, 3, 0, 0, 0, 0, 1, 1.0, -0, 110, 1, 11/10, 1 - 0.1
8 1 10*2 +5 0 -1 1 1 0 110 1 1.1 .9   % a row may end with its line
9 4 0 0 0 0 1 1 0 110 1 1.1 ...
  0.9
];
grid.gen = [7; 20; 5; Inf; -Inf; 1.02; 0; 1; 250; 0]';
grid.branch = [
	7 8 0.01 0.1 0.04 100 0 Inf 0.95 -30 1 -30 30;
	7 8 0.01 0.1 0.02 100 0 0 0 0 0 0 0;
	8 9 0.01 0.1 0 0 0 0 1 0 0 -360 360;
];
grid.dcline = [ 7 8 1 10 9.5 1 2 1.02 1 0 20 -5 5 -6 6 0.2 0.03 ];
disp('read');
