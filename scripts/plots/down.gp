# SPDX-License-Identifier: MIT
# Where the time goes for which a moved guest stands still, a bar a move, from down.csv alone:
#   gnuplot -c down.gp down.csv FIGURE.svg      (setup.gp says what else)
# Left all of it; right without the last pages, which are the link's affair.
here   = ARG0[1:strlen(ARG0) - strlen("down.gp")]
table  = ARGC > 0 ? ARG1 : here."down.csv"
figure = ARGC > 1 ? ARG2 : here."down.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
load here."moves.gp"

bars   = ""
causes = ""
tilde(s) = strstrt(s, " ") ? s[1:strstrt(s, " ") - 1]."~".tilde(s[strstrt(s, " ") + 1:*]) : s
bar(d) = label(1, 1).(column(9) > 0 ? "move~".strcol(9) : "")
note(b, c) = (bars = has(bars, b) ? bars : bars." ".b, causes = has(causes, c) ? causes : causes." ".c, 0)
stats table skip 1 using (note(bar(0), tilde(strcol(10)))) nooutput
place(b) = int(sum [i=1:words(bars)] (word(bars, i) eq b ? i : 0))
n = words(bars)
m = words(causes)
if (!n) {
	print table.": no move was made"
	exit status 3
}

# A bar's causes follow each other in the table: where the last one ended is where the next begins. Those that are not drawn take
# no room.
end  = 0.0
who  = ""
begin(b, t) = (start = b eq who ? end : 0.0, who = b, end = start + t, start)
drawn(p, c) = p == 1 || c ne "last pages"
width  = fit(1200)
keys   = printed ? rows_of_key(causes) : 1
left   = printed ? longest(bars, 1) + 12 : 0.19 * width
panel  = n * (printed ? 18 : 22) + (n > 4 ? 0 : 66 - 16 * n)
top    = printed ? 16 : 74
down   = narrow ? 2 : 1
height = top + down * panel + (down - 1) * 55 + (narrow ? 72 : 54) + 22 * keys
eval terminal(width, height)
set output figure
set multiplot layout down, 2 / down title title("The time that the guest stands still: ".about) font font(15) noenhanced \
	margins left / width, (narrow ? 0.95 : printed ? 0.965 : 0.985), ((narrow ? 91.0 : 73.0) + 22 * keys) / height, 1 - 1.0 * top / height spacing (narrow ? 0 : 0.04), (narrow ? 55.0 / height : 0)
set yrange [n + 0.6 : 0.4]
set ytics scale 0 noenhanced ("" 0)
set for [i=1:n] ytics add (blanks(word(bars, i)) i)
set grid xtics lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
set xrange [0 : *]
array tint[8] = ["#4477aa", "#66ccee", "#bbbbbb", "#ccbb44", "#ee6677", "#228833", "#aa3377", "#555555"]
do for [p=1:2] {
	end = 0.0
	who = ""
	set xlabel (p == 1 ? "10^6 ticks" : narrow ? "10^3 ticks,\nwithout the last pages" : "10^3 ticks, without the last pages")
	unit = p == 1 ? 1e6 : 1e3
	if (printed) {
		far = 0.0
		reach(e) = (far = e > far ? e : far, 0)
		stats table skip 1 using (begin(bar(0), drawn(p, strcol(10)) ? column(11) / unit : 0) * 0 + reach(end)) nooutput
		end = 0.0
		who = ""
		set xtics tick_step(far, narrow ? 4 : 6)
	}
	if (p == 2 && !narrow) {
		set ytics format ""
		set for [i=1:n] ytics add ("" i)
	}
	plot for [k=1:m] table skip 1 using \
		(start = begin(bar(0), drawn(p, strcol(10)) ? column(11) / unit : 0), tilde(strcol(10)) eq word(causes, k) ? end : NaN):(place(who)):(start):(end):(place(who) - 0.36):(place(who) + 0.36) \
		with boxxyerror fs solid 0.9 noborder lc rgb tint[(k - 1) % 8 + 1] notitle
}
eval key_alone
plot for [k=1:m] NaN with boxes fs solid 0.9 noborder lc rgb tint[(k - 1) % 8 + 1] title blanks(word(causes, k))
unset multiplot
set output
