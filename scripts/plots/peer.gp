# SPDX-License-Identifier: MIT
# What operations cost under two L0s on the same processor, from ratio.csv alone:
#   gnuplot -c peer.gp ratio.csv FIGURE.svg      (setup.gp says what else)
# Operations that exit under neither are left out. L2 and VMX instructions with VMCS shadowing, where the processor
# has it.
here   = ARG0[1:strlen(ARG0) - strlen("peer.gp")]
table  = ARGC > 0 ? ARG1 : here."ratio.csv"
figure = ARGC > 1 ? ARG2 : here."peer.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
set datafile separator ","

shadowed = 0
cpu      = ""
unit     = ""
peer     = ""
about(c, p, f, u) = (cpu = c, peer = p, unit = u, shadowed = shadowed || strstrt(f, "shadow=on") > 0, 0)
stats table skip 1 using (about(strcol(1), strcol(4), strcol(5), strcol(12))) nooutput
if (!strlen(cpu)) {
	print table.": no operation was measured on both"
	exit status 3
}

# Which row is drawn: in panel 1 L1's, in panel 2 L2's.
has(list, o)  = strstrt(list." ", " ".o." ") > 0
fits(f)       = strstrt(f, "shadow=") == 0 || strstrt(f, shadowed ? "shadow=on" : "shadow=off") > 0
exits(a, b)   = a >= 0.9 || b >= 0.9
in_panel(p)   = strcol(2) eq (p == 1 ? "L1" : "L2") && fits(strcol(5)) && exits(column(9), column(10))
mitigated(f)  = strstrt(f, "mitigations=default") > 0
array ops[2]  = ["", ""]
do for [p=1:2] {
	found = ""
	note(o) = (found = has(found, o) ? found : found." ".o, 0)
	stats table skip 1 using (in_panel(p) ? note(strcol(3)) : 0) nooutput
	ops[p] = found
}
most   = words(ops[1]) > words(ops[2]) ? words(ops[1]) : words(ops[2])
width  = fit(1100)
top    = above(75)
row    = printed ? 18 : 22
keys   = printed ? 3 : 1
rows_of_key = printed ? "vertical maxrows 3" : "horizontal"
down   = narrow ? row * words(ops[1]) + 100 : 0 # from the first panel to the second
height = top + 70 + 20 * keys + (printed ? 18 : 0) + (narrow ? down + row * words(ops[2]) : row * most)
eval terminal(width, height)
set output figure

break_off(s) = printed ? lines(s, letters) : s
set multiplot title title("The same guests on two L0s, ".cpu) font font(15) noenhanced
set xlabel break_off((unit eq "insns" ? "instructions" : unit)." an operation (logarithmic scale)")
set logscale x
set xrange [* : *]
set format x log_format
set grid xtics lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
half   = narrow ? width : width / 2.0
array heading[2] = ["a VM of L0 (L1)", "a VM of a hypervisor in a VM (L2)"]
do for [p=1:2] {
	count = words(ops[p])
	if (!count) { continue }
	place(o) = int(sum [i=1:count] (word(ops[p], i) eq o ? i : 0))
	x = narrow ? 0 : (p - 1) * half
	y = top + (p - 1) * down
	set lmargin at screen (x + (narrow ? 110.0 : 137.5)) / width
	set rmargin at screen (x + half - (printed ? 24.0 : 16.5)) / width
	set tmargin at screen 1 - 1.0 * y / height
	set bmargin at screen 1 - (1.0 * y + row * count) / height
	set title heading[p] font font(12)
	set yrange [count + 0.6 : 0.4]
	set ytics scale 0 noenhanced ("" 0)
	set for [i=1:count] ytics add (word(ops[p], i) i)
	set key off
	plot table skip 1 using (in_panel(p) && !mitigated(strcol(5)) ? column(6) : NaN):(place(strcol(3))):(column(7) - column(6)):(0) \
		with vectors nohead lc rgb "#b0b0b0" lw 1.5 notitle, \
		table skip 1 using (in_panel(p) && !mitigated(strcol(5)) ? column(6) : NaN):(place(strcol(3))) \
		with points pt 7 ps 1.1 lc rgb "#0072B2" notitle, \
		table skip 1 using (in_panel(p) && !mitigated(strcol(5)) ? column(7) : NaN):(place(strcol(3))) \
		with points pt 9 ps 1.1 lc rgb "#D55E00" notitle, \
		table skip 1 using (in_panel(p) && mitigated(strcol(5)) ? column(7) : NaN):(place(strcol(3))) \
		with points pt 8 ps 1.1 lc rgb "#CC79A7" notitle
}
# The key, below both.
set lmargin at screen 0.02
set rmargin at screen 0.98
set tmargin at screen (26.0 + 20 * keys) / height
set bmargin at screen 4.0 / height
unset logscale
unset title
unset xlabel
unset border
unset tics
unset grid
set xrange [0 : 1]
set yrange [0 : 1]
set key center center @rows_of_key noenhanced samplen 1
plot NaN with points pt 7 ps 1.1 lc rgb "#0072B2" title "nestbed", \
	NaN with points pt 9 ps 1.1 lc rgb "#D55E00" title peer.", mitigations off", \
	NaN with points pt 8 ps 1.1 lc rgb "#CC79A7" title peer.(narrow ? ", mitigations without microcode" : ", mitigations of a processor without microcode")
unset multiplot
set output
