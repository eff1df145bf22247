# SPDX-License-Identifier: MIT
# What every figure has in common; loaded by its script, which set `here`, `table`, `figure` and `paper`:
#   gnuplot -c SCRIPT.gp TABLE.csv FIGURE.svg|.png|.pdf|.eps [single|double]
#   gnuplot SCRIPT.gp      the script's own table, into an SVG beside it
# A table with nothing to draw ends its script with exit status 3, before a figure is begun.
# Lengths are in units of which a letter has 13: CSS pixels of an SVG for the screen. With `single` or `double` the figure is as
# wide as a column of a two-column paper, 85 mm, or as both, 178 mm; its letters have 8 points then, and the caption is its title.
set encoding utf8
ends(e) = strlen(figure) > strlen(e) && figure[strlen(figure) - strlen(e) + 1:*] eq e
if (!ends(".svg") && !ends(".png") && !ends(".pdf") && !ends(".eps")) {
	print figure.": a name that ends in .svg, .png, .pdf or .eps was expected"
	exit status 2
}
if (strlen(paper) && paper ne "single" && paper ne "double") {
	print "'".paper."' is neither single nor double"
	exit status 2
}
printed = strlen(paper) > 0
narrow  = paper eq "single"
fit(w)  = narrow ? 391 : printed ? 820 : w

# Points of the output that a unit has; for the screen a CSS pixel.
point = printed ? 8.0 / 13 : 0.75
# A font of so many units; PNGs for the screen take units for points.
size_of(n) = ends(".svg") ? n * point / 0.75 : ends(".png") ? (printed ? n * 25.0 / 13 : n) : n * point
font(n)    = sprintf(",%g", size_of(n))
sans       = "DejaVu Sans,Helvetica,sans-serif"
inches(n)  = n * point / 72
dots       = printed ? 300.0 * point / 72 : 1 # of a unit in a PNG
# What sets the terminal for a figure of w by h units.
terminal(w, h) = ends(".svg") ? \
		sprintf('set terminal svg size %d, %d font "%s,%g" background "white"', w * point / 0.75 + 0.5, h * point / 0.75 + 0.5, sans, size_of(13)) : \
	ends(".png") ? sprintf('set terminal pngcairo size %d, %d font "DejaVu Sans,%g" background "white" linewidth %g pointscale %g', \
		w * dots + 0.5, h * dots + 0.5, printed ? 25 : 10, dots, printed ? 0.75 * dots : 1) : \
	sprintf('set terminal %scairo size %gin, %gin font "DejaVu Sans,%g" background "white" linewidth %g pointscale %g', ends(".pdf") ? "pdf" : "eps", \
		inches(w), inches(h), size_of(13), 1.5 * point, printed ? 0.55 : 0.6)

# The title, which a paper's caption has; room that it leaves.
title(s) = printed ? "" : s
above(n) = printed ? n - 30 : n
# A label in lines of at most n letters where the figure is narrow.
cut(s, n)   = strlen(s) <= n ? strlen(s) + 1 : last(s, n + 1)
last(s, n)  = n < 2 ? strlen(s) + 1 : s[n:n] eq " " ? n : last(s, n - 1)
lines(s, n) = strlen(s) <= n || cut(s, n) > strlen(s) ? s : s[1:cut(s, n) - 1]."\n".lines(s[cut(s, n) + 1:*], n)
letters     = 34
label_of(s) = narrow ? lines(s, letters) : s
# Numbers of a logarithmic axis.
log_format = printed ? "%.0s%c" : "%.0f"
# A distance of tick marks that leaves room for their numbers.
round_up(d, e) = (d <= 1 ? 1 : d <= 2 ? 2 : d <= 5 ? 5 : 10) * e
tick_step(end, count) = round_up(end / count / 10.0 ** floor(log10(end / count)), 10.0 ** floor(log10(end / count)))
# Small letters; in print not below seven points.
small = printed ? 11 : 9
# Units that a word takes, about.
room(s) = 7.4 * strlen(s)
