# SPDX-License-Identifier: MIT
# What a guest of each host loses when it must run on another one too, from the table of `cpu-baseline --matrix` alone:
#   gnuplot -c cpu-matrix.gp matrix.csv FIGURE.svg      (setup.gp says what else)
here   = ARG0[1:strlen(ARG0) - strlen("cpu-matrix.gp")]
table  = ARGC > 0 ? ARG1 : here."pairs.csv"
figure = ARGC > 1 ? ARG2 : here."pairs.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
set datafile separator ","

# Hosts in the order of their first rows.
hosts = ""
has(h) = strstrt(hosts." ", " ".h." ") > 0
note(h) = (hosts = has(h) ? hosts : hosts." ".h, 0)
stats table skip 1 using (note(strcol(1))) nooutput
place(h) = int(sum [i=1:words(hosts)] (word(hosts, i) eq h ? i : 0))
n = words(hosts)
if (!n) {
	print table.": no pair of hosts"
	exit status 3
}

if (narrow && n > 4) {
	print "cpu-matrix.gp: ".n." hosts don't fit one column: double"
	exit status 2
}
width  = fit(330 + 62 * n)
height = above(65) + 150 + 36 * n
eval terminal(width, height)
set output figure
set title title("Features that a guest of the row's host loses, so that it runs on the column's host too\n(in brackets: all features of a guest of that host alone; ×: the two contradict each other)") font font(13) noenhanced
set lmargin at screen 230.0 / width
set rmargin at screen 1 - 30.0 / width
set tmargin at screen 1 - above(65.0) / height
set bmargin at screen 140.0 / height
set xrange [0.5 : n + 0.5]
set yrange [n + 0.5 : 0.5]
set xtics scale 0 rotate by 40 right noenhanced ("" 0)
set ytics scale 0 noenhanced ("" 0)
set for [i=1:n] xtics add (word(hosts, i) i)
set for [i=1:n] ytics add (word(hosts, i) i)
unset colorbox
unset key
set border lc rgb "#606060"
set palette defined (0 "#ffffff", 1 "#d1e5f0", 20 "#92c5de", 80 "#4393c3", 160 "#2166ac")
set cbrange [0 : *]
shade(l) = l eq "refused" ? NaN : real(l)
cell(h, o, f, l) = h eq o ? "(".f.")" : l eq "refused" ? "×" : l
ink(l) = l eq "refused" ? 0 : real(l) > 60 ? 0xffffff : 0
plot table skip 1 using (place(strcol(2))):(place(strcol(1))):(shade(strcol(4))) with image pixels, \
     "" skip 1 using (place(strcol(2))):(place(strcol(1))):(cell(strcol(1), strcol(2), strcol(3), strcol(4))):(ink(strcol(4))) \
	with labels tc rgb variable noenhanced
set output
