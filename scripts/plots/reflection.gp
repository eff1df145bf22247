# SPDX-License-Identifier: MIT
# What it costs when L1 intercepts what L2 could do alone, from exit-cost.csv alone:
#   gnuplot -c reflection.gp exit-cost.csv FIGURE.svg      (setup.gp says what else)
# An exception that L1 intercepts is reflected to it, and injected into L2 again; the others L1 emulates.
here   = ARG0[1:strlen(ARG0) - strlen("reflection.gp")]
table  = ARGC > 0 ? ARG1 : here."exit-cost.csv"
figure = ARGC > 1 ? ARG2 : here."reflection.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
heading = "Handled in L2, and intercepted by L1"

# A series a processor lacks has no rows and is left out: with VMCS shadowing or without.
series = 5
array level[series]  = ["bare", "L1", "L2", "L2", "L2"]
array config[series] = ["-", "-", "shadow=off;merge=incremental", "shadow=on;merge=incremental;intercept=all", \
	"shadow=off;merge=incremental;intercept=all"]
array name[series]   = ["bare machine", "L1", "L2 by itself", "L2, intercepted by L1, VMCS shadowing", \
	"L2, intercepted by L1, no VMCS shadowing"]
array colour[series] = ["#000000", "#0072B2", "#56B4E9", "#009E73", "#D55E00"]
array shape[series]  = [5, 7, 10, 9, 11]

# Operations that L1 gets only because it wants them: left alone they take no round by L1, which is two exits to L0.
anyhow = ""
set datafile separator ","
stats table skip 1 using (strcol(3) eq "L2" && strstrt(strcol(5), "intercept=all") == 0 && column(10) >= 1.5 && \
	strstrt(anyhow." ", " ".strcol(4)." ") == 0 ? (anyhow = anyhow." ".strcol(4), 0) : 0) nooutput
about_exits(level, config, exits) = strstrt(config, "intercept=all") && exits >= 1.5 && \
	strstrt(anyhow." ", " ".strcol(4)." ") == 0
free_heading = ""
load here."cost-by-level.gp"
