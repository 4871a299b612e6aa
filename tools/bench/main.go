// Command bench reads what the benchmarks of this folder printed (`make bench`, the format of `go test -bench`) and shows
// each figure beside its target and beside the bare reference that was measured in the same run.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/perf/benchfmt"
)

func main() {
	in := io.Reader(os.Stdin)
	if len(os.Args) > 1 {
		f, err := os.Open(os.Args[1])
		if err != nil {
			fail(err)
		}
		defer f.Close()
		in = f
	}
	figures, err := read(in)
	if err != nil {
		fail(err)
	}
	missed := show(os.Stdout, rows, figures)
	fmt.Printf("\n%d of %d targets MISSED\n", missed, len(rows))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// figures holds what was measured by benchmark and unit; several runs give several values.
type figures map[string]map[string][]float64

// notBuilt is the unit of a benchmark whose operation the daemon does not have.
const notBuilt = "not-built"

func read(in io.Reader) (figures, error) {
	all := figures{}
	for r := benchfmt.NewReader(in, "benchmarks"); r.Scan(); {
		switch record := r.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, record
		case *benchfmt.Result:
			_, parts := record.Name.Parts() // "/name" and then "-2", the processors
			if len(parts) == 0 {
				continue
			}
			name := strings.TrimPrefix(string(parts[0]), "/")
			if all[name] == nil {
				all[name] = map[string][]float64{}
			}
			for _, v := range record.Values {
				if v.OrigUnit != "" { // MB became B
					v.Value, v.Unit = v.OrigValue, v.OrigUnit
				}
				all[name][v.Unit] = append(all[name][v.Unit], v.Value)
			}
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there is no benchmark in the input")
	}
	return all, nil
}

// of gives the median of what was measured.
func (f figures) of(benchmark, unit string) (float64, bool) {
	values := slices.Sorted(slices.Values(f[benchmark][unit]))
	if len(values) == 0 {
		return 0, false
	}
	return values[len(values)/2], true
}

// show prints a table and gives the number of targets that were missed. What was not measured is missed too.
func show(out io.Writer, rows []row, f figures) (missed int) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WORK\tMEASURED\tREFERENCE\tTARGET\tIS\t")
	for _, r := range rows {
		verdict, ok := "ok", false
		measured, is, bare := "-", "-", cmp.Or(r.bare, "-")
		got, have := f.of(r.benchmark, r.unit)
		reference, haveBare := f.of(r.benchmark, "bare-"+r.unit)
		if haveBare {
			bare = fmt.Sprintf("%s %s", number(reference), r.bare)
		}
		switch {
		case have && (r.bare == "" || haveBare):
			value := r.rule.value(got, reference)
			measured, is = number(got)+" "+unitOf(r.unit), r.rule.write(value, r.unit, "")
			ok = r.rule.holds(value, r.target)
		case len(f[r.benchmark][notBuilt]) > 0:
			verdict = "MISSED: not built"
		default:
			verdict = "MISSED: not measured"
		}
		if !ok {
			missed++
			if verdict == "ok" {
				verdict = "MISSED"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.work, measured, bare, r.rule.write(r.target, r.unit, r.rule.sign()), is, verdict)
	}
	_ = w.Flush()
	return missed
}

// value is what is held to the target.
func (r rule) value(got, bare float64) float64 {
	switch r {
	case plus:
		return got - bare
	case timesMost, timesLow:
		return got / bare
	default:
		return got
	}
}

func (r rule) holds(value, target float64) bool {
	if r == timesLow {
		return value >= target
	}
	return value <= target
}

func (r rule) sign() string {
	if r == timesLow {
		return "≥ "
	}
	return "≤ "
}

func (r rule) write(value float64, unit, sign string) string {
	switch r {
	case plus:
		return fmt.Sprintf("%s%+.3g %s", sign, value, unitOf(unit))
	case timesMost, timesLow:
		return fmt.Sprintf("%s%.2f ×", sign, value)
	default:
		return fmt.Sprintf("%s%s %s", sign, number(value), unitOf(unit))
	}
}

func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// unitOf is the unit for people: p50-ms are ms.
func unitOf(unit string) string {
	if strings.HasSuffix(unit, "-ms") {
		return "ms"
	}
	return strings.ReplaceAll(unit, "MBps", "MB/s")
}
