function mpc = radial_in_ohms
% Two sections of 12.66 kV, given in ohms and kW, made per unit by the case itself.
mpc.version = '2';
mpc.baseMVA = 10;
mpc.bus = [  % Pd and Qd are in kW and kvar
	1	3	0	0	0	0	1	1	0	12.66	1	1	1;
	2	1	100	0	0	0	1	1	0	12.66	1	1.1	0.9;
	3	1	90	0	0	0	1	1	0	12.66	1	1.1	0.9;
];
mpc.gen = [ 1 0 0 10 -10 1 100 1 10 0 0 0 0 0 0 0 0 0 0 0 0 ];
mpc.branch = [	% r and x in ohms
	1	2	0.0922	0.0470	0	0	0	0	0	0	1	-360	360;
	2	3	0.4930	0.2511	0	0	0	0	0	0	1	-360	360;
];
[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD, GS, BS, BUS_AREA, VM, ...
    VA, BASE_KV, ZONE, VMAX, VMIN, LAM_P, LAM_Q, MU_VMAX, MU_VMIN] = idx_bus;
[F_BUS, T_BUS, BR_R, BR_X, BR_B] = idx_brch;
Vbase = mpc.bus(1, BASE_KV) * 1e3;      %% volts
Sbase = mpc.baseMVA * 1e6;              %% VA
mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase);
pf = 0.8;
mpc.bus(:, QD) = mpc.bus(:, PD) * tan(acos(pf));
mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;
