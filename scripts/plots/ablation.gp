# SPDX-License-Identifier: MIT
# What an operation at L2 costs with one optimisation off, in per cent of its cost with all on, from ablation.csv alone:
#   gnuplot -c ablation.gp ablation.csv FIGURE.svg      (setup.gp says what else)
here   = ARG0[1:strlen(ARG0) - strlen("ablation.gp")]
table  = ARGC > 0 ? ARG1 : here."ablation.csv"
figure = ARGC > 1 ? ARG2 : here."ablation.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
set datafile separator ","

# Configurations and operations in the order of their first rows; the processor. A configuration may hold blanks: they are
# kept as '~'.
configs = ""
ops     = ""
cpu     = ""
key(c)  = c[1:3] eq "all" ? "all~".c[5:*] : c
text(c) = c[1:3] eq "all" ? "all ".c[5:*] : c
has(list, o) = strstrt(list." ", " ".o." ") > 0
note(o, c, p) = (configs = has(configs, key(c)) ? configs : configs." ".key(c), \
	ops = o eq "empty" || has(ops, o) ? ops : ops." ".o, cpu = p, 0)
stats table skip 1 using (note(strcol(4), strcol(5), strcol(1))) nooutput
place(list, o) = int(sum [i=1:words(list)] (word(list, i) eq o ? i : 0))

n      = words(configs)
m      = words(ops)
if (!n || !m) {
	print table.": no operation was measured"
	exit status 3
}
width  = fit(900)
widest = 0
do for [c in configs] { widest = room(c) > widest ? room(c) : widest }
left   = printed ? widest + 12 : 0.27 * width
keys   = narrow ? m : 2
height = above(110) + (keys - 2) * 20 + (narrow ? 18 : 0) + n * (18 + 11 * m)
eval terminal(width, height)
set output figure
set title title("What each optimisation is worth, ".cpu) font font(15) noenhanced
set xlabel (narrow ? "cost, per cent of all on\n(logarithmic scale)" : "cost of an operation at L2, per cent of that with all on (logarithmic scale)")
set logscale x 2
set xrange [80 : *]
set format x "%.0f"
set yrange [n + 0.6 : 0.4]
set ytics scale 0 noenhanced ("" 0)
set for [i=1:n] ytics add (text(word(configs, i)) i)
set grid xtics lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
set lmargin at screen left / width
set bmargin at screen (100.0 + (keys - 2) * 20 + (narrow ? 18 : 0)) / height
set key at screen (narrow ? 0.5 : 0.62), screen (22.0 + (keys - 2) * 10) / height center center horizontal maxrows keys noenhanced
array colour[8] = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#222222"]
half = 0.38 / m
at(c, k) = place(configs, key(c)) + (k - (m + 1) / 2.0) * 2 * half
cost(k)  = strcol(4) eq word(ops, k) ? column(10) : NaN
plot for [k=1:m] table skip 1 using (cost(k)):(at(strcol(5), k)):(80):(cost(k)):(at(strcol(5), k) - half):(at(strcol(5), k) + half) \
	with boxxyerror fs solid 0.9 noborder lc rgb colour[(k - 1) % 8 + 1] title word(ops, k)
set output
