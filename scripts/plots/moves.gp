# SPDX-License-Identifier: MIT
# What figures of experiment migrate have in common; loaded by them, which set table and figure. The first eight columns
# of a table say what was moved and how; a series is a set of rows that are the same in these.
set datafile separator ","
set datafile missing NaN

has(list, o) = strstrt(list." ", " ".o." ") > 0
# '~' stands for a blank within a word.
blanks(s) = strstrt(s, "~") ? s[1:strstrt(s, "~") - 1]." ".blanks(s[strstrt(s, "~") + 1:*]) : s

# Values of each of the columns, in the order of their first rows.
array values[8]
do for [c=1:8] {
	list = ""
	stats table skip 1 using (list = has(list, strcol(c)) ? list : list." ".strcol(c), 0) nooutput
	values[c] = list
}
varies(c) = words(values[c]) > 1
part(c, before, behind) = varies(c) ? before.strcol(c).behind."~" : ""
# What tells a series from the others; columns that are the same everywhere are in about.
label(link, rate) = part(1, "", "~to").part(2, "", "").part(3, "", "").part(4, "", "").part(5, "", "~MiB").part(8, "by~", ""). \
	(link ? strcol(6)."~Mbit/s~" : "").(rate ? strcol(7)."~pages/s~" : "")
same(c, before, behind) = varies(c) ? "" : before.word(values[c], 1).behind
about = same(3, "", ", ").same(4, "at ", ", ").same(5, "", " MiB, ").same(1, "", " to ").same(2, "", "").same(8, ", by ", "")

array colour[10] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255", "#999933", "#888888"]
array shape[10]  = [7, 9, 5, 11, 13, 8, 6, 4, 10, 12]

# Rows of a key with these entries, by the width of the figure.
rows_of_key(list) = (words(list) + across(list) - 1) / across(list)
across(list) = !printed ? 6 : int(width / (60 + longest(list, 1))) > 1 ? int(width / (60 + longest(list, 1))) : 1
longest(list, k) = k > words(list) ? 0 : room(word(list, k)) > longest(list, k + 1) ? room(word(list, k)) : longest(list, k + 1)

# Before the last plot of a figure, which is its key: below all panels, as wide as the figure, and nothing else.
key_alone = 'set origin 0, 0; set size 1, (18 + 22.0 * keys) / height; set margins 0, 0, 0, 0; unset title; unset xlabel; unset ylabel; unset border; \
	unset tics; unset grid; unset logscale; set xrange [0:1]; set yrange [0:1]; set key at screen 0.5, screen (10 + 11.0 * keys) / height center center horizontal maxrows keys noenhanced'
