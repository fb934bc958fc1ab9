# Draws the charts of the report from the *.dat that report.py wrote:
#   gnuplot -e "directory='build/benchmark/out'" benchmarks/report.gp
set border 3
set tics nomirror
set style fill solid 1.0 noborder
set boxwidth 0.9 relative
set grid ytics lc rgb '#e4e4e4' lt 1 lw 1
set key samplen 1.5
set xtics scale 0
set bmargin 4

wide = '#56b4e9'    # ours, with float or int64 targets; with a thread
narrow = '#0072b2'  # ours, with uint8 targets
limit = '#d55e00'   # what has to be reached
still = '#999999'   # the roofline
other = '#e69f00'   # libtorch

has(name) = system('test -s ' . directory . '/' . name . ' && echo 1 || echo 0') eq '1'
file(name) = directory . '/' . name
rows_of(data) = int(system('grep -vc "^#" ' . data))
# 0 is "not measured": it has no logarithm, so its bar ends below the axis.
bar(x) = x > 0 ? x : 1e-9
amount(x) = x <= 0 ? '' : x < 9.95 ? sprintf('%.1f', x) : sprintf('%.0f', x)

if (has('budgets.dat')) {
    data = file('budgets.dat')
    set xrange [-0.6 : rows_of(data) - 0.4]
    set terminal pngcairo size 1080,700 font ',9'
    set output file('budgets.png')
    set multiplot layout 2,1
    set title 'Value and gradient, one thread, out of the caches: times the roofline (less is better)'
    set ylabel 'x the time to move the bytes'
    set yrange [0:*]
    set key top left
    plot data using ($0 - 0.2):2:(0.36) with boxes lc rgb wide title 'float or int64 target', \
         data using ($0 + 0.2):3:(0.36) with boxes lc rgb narrow title 'uint8 target', \
         data using ($4 > 0 ? $0 - 0.45 : NaN):4:(0.9):(0) with vectors nohead lw 2 lc rgb limit title 'budget, at most', \
         data using ($0 - 0.2):2:(amount($2)) with labels offset 0,0.5 font ',8' notitle, \
         data using ($0 + 0.2):3:(amount($3)) with labels offset 0,0.5 font ',8' notitle, \
         data using 0:(NaN):xtic(1) notitle
    set title 'Times faster than libtorch eager, forward and backward (more is better)'
    set ylabel 'x faster'
    set logscale y
    set yrange [1:*]
    set grid ytics mytics lc rgb '#e4e4e4' lt 1 lw 1, lc rgb '#f2f2f2' lt 1 lw 1
    plot data using ($0 - 0.2):(bar($5)):(0.36) with boxes lc rgb wide title 'float or int64 target', \
         data using ($0 + 0.2):(bar($6)):(0.36) with boxes lc rgb narrow title 'uint8 target', \
         data using ($0 - 0.45):7:(0.9):(0) with vectors nohead lw 2 lc rgb limit title 'budget, at least', \
         data using ($0 - 0.2):(bar($5)):(amount($5)) with labels offset 0,0.5 font ',8' notitle, \
         data using ($0 + 0.2):(bar($6)):(amount($6)) with labels offset 0,0.5 font ',8' notitle, \
         data using 0:(NaN):xtic(1) notitle
    unset multiplot
    unset logscale y
    set output
    set grid ytics nomytics lc rgb '#e4e4e4' lt 1 lw 1
}

if (has('threads.dat')) {
    data = file('threads.dat')
    set xrange [-0.6 : rows_of(data) - 0.4]
    set terminal pngcairo size 1080,460 font ',9'
    set output file('threads.png')
    set title 'Two threads instead of one, wall clock: 8 x 512 x 512, or 2 x 19 x 512 x 512 (uint8 targets)'
    set ylabel 'x faster'
    set yrange [0:2.4]
    set ytics 0.5
    set xtics rotate by 40 right
    set bmargin 9
    set key top left horizontal
    plot data using ($0 - 0.27):2:(0.25) with boxes lc rgb narrow title 'xloss', \
         data using 0:3:(0.25) with boxes lc rgb still title 'roofline', \
         data using ($0 + 0.27):4:(0.25) with boxes lc rgb other title 'libtorch eager', \
         1.8 with lines lw 2 lc rgb limit title 'goal, where memory is not the limit', \
         data using ($0 - 0.27):2:(sprintf('%.2f', $2)) with labels offset 0,0.5 font ',7' notitle, \
         data using 0:(NaN):xtic(1) notitle
    set output
    set xtics norotate autojustify
    set bmargin 4
    set ytics auto
}

if (has('widths.dat')) {
    data = file('widths.dat')
    names = system('head -1 ' . data . ' | cut -d" " -f3-')
    n = words(names)
    set xrange [-0.6 : rows_of(data) - 0.4]
    set terminal pngcairo size 1080,460 font ',9'
    set output file('widths.png')
    set title 'The kernels in cache, one thread, by the width of the vectors and by the compiler (log scale, less is better)'
    set ylabel 'ns per element'
    set logscale y
    set yrange [0.2:*]
    set grid ytics mytics lc rgb '#e4e4e4' lt 1 lw 1, lc rgb '#f2f2f2' lt 1 lw 1
    set key top left horizontal maxrows 2
    # One hue for each compiler, lighter the narrower the vectors are.
    array colours = ['#08306b', '#2171b5', '#6baed6', '#c6dbef', '#7f2704', '#d94801', '#fd8d3c', '#fdd0a2']
    shade(i) = colours[i <= n / 2 ? i : 4 + i - n / 2]
    plot for [i = 1 : n] data using ($0 + (i - 0.5 - n / 2.0) * 0.86 / n):(bar(column(i + 1))):(0.8 / n) \
             with boxes lc rgb shade(i) title word(names, i) noenhanced, \
         data using 0:(NaN):xtic(1) notitle
    set output
}
