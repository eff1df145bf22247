# SPDX-License-Identifier: MIT
# A row an operation, a point a series, on a logarithmic scale; loaded by exit-cost.gp and reflection.gp, which set
# table, figure, heading, the series (level, config, name, colour, shape), about_exits() and free_heading.
set datafile separator ","

# Those that exit somewhere, in the order of their first rows; the others; the processor; the unit.
trapped = ""
all     = ""
cpu     = ""
unit    = ""
has(list, o)  = strstrt(list." ", " ".o." ") > 0
drawn(l, c) = sum [s=1:series] (l eq level[s] && c eq config[s])
note(l, o, c, exits) = drawn(l, c) ? (all = has(all, o) ? all : all." ".o, \
	trapped = about_exits(l, c, exits) && !has(trapped, o) ? trapped." ".o : trapped, 0) : 0
about(c, u) = (cpu = c, unit = u, 0)
stats table skip 1 using (note(strcol(3), strcol(4), strcol(5), column(10)) + about(strcol(1), strcol(11))) nooutput
ops  = words(trapped) ? "" : all
free = ""
do for [o in words(trapped) ? all : ""] {
	if (has(trapped, o)) { ops = ops." ".o } else { free = free." ".o }
}
if (!strlen(free_heading)) { free = "" }
count = words(ops)
if (!count) {
	print table.": no operation to draw"
	exit status 3
}
place(o) = int(sum [i=1:count] (word(ops, i) eq o ? i : 0))

ours(s) = strcol(3) eq level[s] && strcol(5) eq config[s]
cost(s) = ours(s) && place(strcol(4)) && column(7) > 0 ? column(7) : NaN

# The series that the table has rows of.
present = ""
do for [s=1:series] {
	found = 0
	stats table skip 1 using (found = found + (cost(s) == cost(s)), 0) nooutput
	if (found) { present = present." ".s }
}

# The names of the untrapped, in lines of so many characters.
length = narrow ? 56 : 108
noted = 0
line  = ""
array note_line[20]
do for [o in free] {
	if (strlen(line) + strlen(o) > length) {
		noted = noted + 1
		note_line[noted] = line.","
		line = ""
	}
	line = line.(strlen(line) ? ", " : "").o
}
if (strlen(line)) {
	noted = noted + 1
	note_line[noted] = line
}

width  = fit(900)
row    = printed ? 22 : 30
keys   = narrow ? words(present) : words(present) > 6 ? 4 : 3 # rows of the key
below  = 80 + 20 * keys + (noted ? 18 * (noted + 1) : 0)
height = above(50) + row * count + below
eval terminal(width, height)
set output figure

set title title(heading.", ".cpu) font font(15) noenhanced
set xlabel label_of((unit eq "insns" ? "instructions" : unit)." an operation (logarithmic scale)") noenhanced
set logscale x
set xrange [0.7 : *]
set format x log_format
set yrange [count + 0.6 : 0.4]
set ytics scale 0 noenhanced ("" 0)
set for [i=1:count] ytics add (word(ops, i) i)
set grid xtics lc rgb "#c8c8c8" lw 0.8
do for [i=1:count - 1] {
	set arrow from graph 0, first i + 0.5 to graph 1, first i + 0.5 nohead lc rgb "#e4e4e4" lw 1 back
}
set border 3 lc rgb "#606060"
set tics nomirror
set tmargin at screen 1 - 1.0 * above(45) / height
set bmargin at screen 1.0 * below / height
set lmargin at screen 153.0 / width
set rmargin at screen 1 - 27.0 / width
set key at screen 1 - 27.0 / width, screen (below - 62.0) / height right top Left reverse vertical maxrows keys samplen 1 \
	spacing 1.15 width -6 noenhanced
if (noted) {
	set label 1 free_heading at screen 0.02, screen (18.0 * noted + 10) / height \
		font font(small) textcolor rgb "#404040"
	do for [i=1:noted] {
		set label (i + 1) note_line[i] at screen 0.02, screen (18.0 * (noted - i) + 10) / height font font(small) \
			textcolor rgb "#404040" noenhanced
	}
}

# Series of one operation lie a little apart, so that equal costs stay visible.
apart(s) = (s - (series + 1) / 2.0) * 0.78 / series
plot for [w in present] table skip 1 using (cost(int(w))):(place(strcol(4)) + apart(int(w))) \
	with points pt shape[int(w)] ps (narrow ? 0.8 : 1) lw 1.3 lc rgb colour[int(w)] title name[int(w)]
set output
