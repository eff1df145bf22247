# SPDX-License-Identifier: MIT
# Cost of each operation bare, at L1 and at L2, from exit-cost.csv alone:
#   gnuplot -c exit-cost.gp exit-cost.csv FIGURE.svg      (setup.gp says what else)
# Operations that exit at no level are named below the figure.
here   = ARG0[1:strlen(ARG0) - strlen("exit-cost.gp")]
table  = ARGC > 0 ? ARG1 : here."exit-cost.csv"
figure = ARGC > 1 ? ARG2 : here."exit-cost.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
heading = "Cost of an operation at each level"

# Okabe and Ito's colours; shapes differ too, for print without colour.
series = 8
array level[series]  = ["bare", "L1", "L1", "L1", "L2", "L2", "L2", "L2"]
array config[series] = ["-", "-", "shadow=on", "shadow=off", "shadow=on;merge=incremental", "shadow=on;merge=full", \
	"shadow=off;merge=incremental", "shadow=off;merge=full"]
array name[series]   = ["bare machine", "L1", "L1, VMCS shadowing", "L1, no VMCS shadowing", \
	"L2, VMCS shadowing, incremental merge", \
	"L2, VMCS shadowing, full merge", "L2, no VMCS shadowing, incremental merge", \
	"L2, no VMCS shadowing, full merge"]
array colour[series] = ["#000000", "#0072B2", "#0072B2", "#0072B2", "#009E73", "#56B4E9", "#D55E00", "#CC79A7"]
array shape[series]  = [5, 7, 6, 12, 9, 8, 11, 10]

# What the figure is about: operations that exit somewhere.
about_exits(level, config, exits) = exits >= 0.1
free_heading = "Operations that exit at no level:"
load here."cost-by-level.gp"
