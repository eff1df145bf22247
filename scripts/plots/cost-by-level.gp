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

# The names of the untrapped, in lines of some 110 characters.
lines = 0
line  = ""
array note_line[20]
do for [o in free] {
	if (strlen(line) + strlen(o) > 108) {
		lines = lines + 1
		note_line[lines] = line.","
		line = ""
	}
	line = line.(strlen(line) ? ", " : "").o
}
if (strlen(line)) {
	lines = lines + 1
	note_line[lines] = line
}

row    = 30
keys   = words(present) > 6 ? 4 : 3 # rows of the key
below  = 80 + 20 * keys + (lines ? 18 * (lines + 1) : 0)
height = 50 + row * count + below
if (strstrt(figure, ".png")) {
	set terminal pngcairo size 900, height font "DejaVu Sans,10" background "white"
} else {
	set terminal svg size 900, height font "DejaVu Sans,Helvetica,sans-serif,13" background "white"
}
set output figure

set title heading.", ".cpu font ",15" noenhanced
set xlabel (unit eq "insns" ? "instructions" : unit)." an operation (logarithmic scale)" noenhanced
set logscale x
set xrange [0.7 : *]
set format x "%.0f"
set yrange [count + 0.6 : 0.4]
set ytics scale 0 noenhanced ("" 0)
set for [i=1:count] ytics add (word(ops, i) i)
set grid xtics lc rgb "#c8c8c8" lw 0.8
do for [i=1:count - 1] {
	set arrow from graph 0, first i + 0.5 to graph 1, first i + 0.5 nohead lc rgb "#e4e4e4" lw 1 back
}
set border 3 lc rgb "#606060"
set tics nomirror
set tmargin at screen 1 - 45.0 / height
set bmargin at screen 1.0 * below / height
set lmargin at screen 0.17
set rmargin at screen 0.97
set key at screen 0.97, screen (below - 62.0) / height right top Left reverse vertical maxrows keys samplen 1 \
	spacing 1.15 width -6 noenhanced
if (lines) {
	set label 1 free_heading at screen 0.02, screen (18.0 * lines + 10) / height \
		font ",9" textcolor rgb "#404040"
	do for [i=1:lines] {
		set label (i + 1) note_line[i] at screen 0.02, screen (18.0 * (lines - i) + 10) / height font ",9" \
			textcolor rgb "#404040" noenhanced
	}
}

# Series of one operation lie a little apart, so that equal costs stay visible.
apart(s) = (s - (series + 1) / 2.0) * 0.78 / series
plot for [w in present] table skip 1 using (cost(int(w))):(place(strcol(4)) + apart(int(w))) \
	with points pt shape[int(w)] ps 1.0 lw 1.3 lc rgb colour[int(w)] title name[int(w)]
set output
