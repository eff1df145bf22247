# SPDX-License-Identifier: MIT
# What exits cost on a computer's own KVM, from host-exits.csv alone:
#   gnuplot -c host-exits.gp host-exits.csv FIGURE.svg      (setup.gp says what else)
here   = ARG0[1:strlen(ARG0) - strlen("host-exits.gp")]
table  = ARGC > 0 ? ARG1 : here."host-exits.csv"
figure = ARGC > 1 ? ARG2 : here."host-exits.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
set datafile separator ","

ops  = ""
cpu  = ""
unit = ""
note(o, c, u) = (ops = ops." ".o, cpu = c, unit = u, 0)
stats table skip 1 using (note(strcol(3), strcol(1), strcol(9))) nooutput
count = words(ops)
if (!count) {
	print table.": no operation was measured"
	exit status 3
}
place(o) = int(sum [i=1:count] (word(ops, i) eq o ? i : 0))
width  = fit(900)
height = above(150) + (narrow ? 18 : 0) + 34 * count
eval terminal(width, height)
set output figure
set title title("Exits to this computer's KVM, ".cpu) font font(15) noenhanced
set xlabel label_of((unit eq "insns" ? "instructions" : unit)." an operation (logarithmic scale): median, least, 90 %")
set logscale x
set format x log_format
set yrange [count + 0.6 : 0.4]
set ytics scale 0 noenhanced ("" 0)
set for [i=1:count] ytics add (word(ops, i) i)
set grid xtics lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
set key off
set lmargin at screen (narrow ? 100.0 : 0.17 * width) / width
plot table skip 1 using 6:(place(strcol(3))):7:8 with xerrorbars pt 7 ps 1 lw 1.6 lc rgb "#0072B2"
set output
