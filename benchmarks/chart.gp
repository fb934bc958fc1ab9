# Draws chart.png from chart.dat: gnuplot -e "directory='build/benchmark/out'" benchmarks/chart.gp
set terminal pngcairo size 1800, 800 font "sans,11"
set output directory . '/chart.png'
set title "Value and gradient, one thread, 512 x 512: 8 masks, or 2 x 19 classes\n".\
          "above the bar of xloss: times faster than libtorch eager"
set ylabel "ns per element (log scale, less is better)"
set logscale y
set grid ytics mytics
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set key top left horizontal
set tics nomirror
set xtics font "sans,10"
set yrange [0.1:*]
set bmargin 6
set rmargin 4
data = directory . '/chart.dat'
# A contender that took no part has time 0: gnuplot refuses a histogram of nothing, and 0 has no logarithm, so
# its bars end below the axis.
bar(t) = t > 0 ? t : 1e-9
plot data using (bar($2)):xtic(1) title "roofline" lc rgb "#b0b0b0", \
     data using (bar($3)) title "xloss" lc rgb "#1f6fb2", \
     data using (bar($4)) title "plain xtensor" lc rgb "#e0a030", \
     data using (bar($5)) title "libtorch eager" lc rgb "#c0504d", \
     data using ($0 - 0.1):3:($5 > 0 && $3 > 0 ? sprintf("%.1fx", $5 / $3) : "") \
         with labels offset 0, 0.6 font "sans,9" notitle
