# SPDX-License-Identifier: MIT
# What exits cost on a computer's own KVM, from host-exits.csv alone:
#   gnuplot -c host-exits.gp host-exits.csv FIGURE.svg      (or FIGURE.png)
if (ARGC != 2) {
	print "usage: gnuplot -c host-exits.gp host-exits.csv FIGURE.svg|FIGURE.png"
	exit status 2
}
table  = ARG1
figure = ARG2
set datafile separator ","

ops  = ""
cpu  = ""
unit = ""
note(o, c, u) = (ops = ops." ".o, cpu = c, unit = u, 0)
stats table skip 1 using (note(strcol(3), strcol(1), strcol(9))) nooutput
count = words(ops)
if (!count) { exit status 3 }
place(o) = int(sum [i=1:count] (word(ops, i) eq o ? i : 0))
height = 150 + 34 * count
if (strstrt(figure, ".png")) {
	set terminal pngcairo size 900, height font "DejaVu Sans,10" background "white"
} else {
	set terminal svg size 900, height font "DejaVu Sans,Helvetica,sans-serif,13" background "white"
}
set output figure
set title "Exits to this computer's KVM, ".cpu font ",15" noenhanced
set xlabel (unit eq "insns" ? "instructions" : unit)." an operation (logarithmic scale): median, least, 90 %"
set logscale x
set format x "%.0f"
set yrange [count + 0.6 : 0.4]
set ytics scale 0 noenhanced ("" 0)
set for [i=1:count] ytics add (word(ops, i) i)
set grid xtics lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
set key off
set lmargin at screen 0.17
plot table skip 1 using 6:(place(strcol(3))):7:8 with xerrorbars pt 7 ps 1 lw 1.6 lc rgb "#0072B2"
set output
