package metrics_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"go.uber.org/goleak"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine is the root directory of one in testdata.
func machine(t *testing.T, name string) string {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := txtar.Write(archive, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func sampler(t *testing.T, c metrics.Config) *metrics.Sampler {
	t.Helper()
	s := metrics.New(c)
	t.Cleanup(s.Close)
	return s
}

func TestTheFiguresAreTheSandboxs(t *testing.T) {
	for _, c := range []struct {
		machine            string
		count, total, used float64
	}{
		{"v1-container", 1.5, 512, 150},
		{"v1-namespace", 1, 512, 150},
		{"v1-unlimited", 4, 8192, 150},
		{"v1-above", 1.5, 512, 150},
		{"v1-elsewhere", 1.5, 512, 150},
		{"v2-container", 0.5, 256, 96},
		{"v2-host-paths", 3, 8192, 96},
		{"v2-above", 2, 1024, 96},
		{"v2-more-than-there-is", 4, 8192, 8192},
		{"v2-root", 4, 8192, 2048},
		{"no-groups", 4, 8192, 2048},
		{"nothing-but-proc", 4, 8192, 2048},
	} {
		t.Run(c.machine, func(t *testing.T) {
			t.Parallel()
			got, err := sampler(t, metrics.Config{Root: os.DirFS(machine(t, c.machine))}).Sample()
			if err != nil {
				t.Fatal(err)
			}
			if got.CPUCount != c.count || got.MemTotal != c.total || got.MemUsed != c.used || got.CPUUsed != 0 {
				t.Errorf("%+v, want %v processors, none of them used, and %v of %v MiB", got, c.count, c.used, c.total)
			}
		})
	}
}

// busy is a machine whose file counts share of one processor's time as it goes by.
type busy struct {
	fs.FS
	file, format string
	unit         time.Duration
	share        float64
	start        time.Time
}

func (b busy) Open(name string) (fs.File, error) {
	if name != b.file {
		return b.FS.Open(name)
	}
	used := int64(float64(time.Since(b.start)) * b.share / float64(b.unit))
	return fstest.MapFS{name: {Data: fmt.Appendf(nil, b.format, 1_000_000+used)}}.Open(name)
}

func TestProcessorUseIsAShareOfWhatMayBeUsed(t *testing.T) {
	const stat = "cpu  %d 0 0 1 1 0 0 0\ncpu0 0 0 0 0\ncpu1 0 0 0 0\ncpu2 0 0 0 0\ncpu3 0 0 0 0\n"
	for _, c := range []struct {
		machine, file, format string
		unit                  time.Duration
		share, low, high      float64
	}{
		{"v1-container", "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "%d\n", 1, 0.75, 40, 60},
		{"v2-container", "sys/fs/cgroup/cpu.stat", "nr_periods 1\nusage_usec %d\n", time.Microsecond, 0.25, 40, 60},
		{"v2-container", "sys/fs/cgroup/cpu.stat", "usage_usec %d\n", time.Microsecond, 3, 100, 100},
		{"v2-container", "sys/fs/cgroup/cpu.stat", "usage_usec %d\n", time.Microsecond, -1, 0, 0},
		{"no-groups", "proc/stat", stat, 10 * time.Millisecond, 2, 25, 75},
	} {
		t.Run(fmt.Sprint(c.machine, " ", c.share), func(t *testing.T) {
			root := busy{os.DirFS(machine(t, c.machine)), c.file, c.format, c.unit, c.share, time.Now()}
			s := sampler(t, metrics.Config{Root: root})
			for range 3 { // the later ones are too near to measure anew
				start := time.Now()
				got, err := s.Sample()
				if err != nil {
					t.Fatal(err)
				}
				if got.CPUUsed < c.low || got.CPUUsed > c.high {
					t.Errorf("%v %%, want %v to %v", got.CPUUsed, c.low, c.high)
				}
				if took := time.Since(start); took > time.Second {
					t.Errorf("it took %s", took)
				}
			}
		})
	}
}

func TestThisMachine(t *testing.T) {
	s := sampler(t, metrics.Config{})
	before := time.UnixMilli(0)
	for range 50 {
		got, err := s.Sample()
		if err != nil {
			t.Fatal(err)
		}
		if got.CPUCount <= 0 || got.CPUCount > float64(runtime.NumCPU()) || !(got.CPUUsed >= 0 && got.CPUUsed <= 100) {
			t.Errorf("processors: %+v", got)
		}
		if got.MemUsed <= 0 || got.MemUsed > got.MemTotal || got.MemTotal < 64 {
			t.Errorf("memory: %+v", got)
		}
		if !got.Time.After(before) || time.Since(got.Time).Abs() > time.Second {
			t.Errorf("time %s after %s", got.Time, before)
		}
		before = got.Time
	}
}

func TestWhereThereIsNoProcNothingIsMadeUp(t *testing.T) {
	for _, root := range []fs.FS{
		fstest.MapFS{},
		fstest.MapFS{"proc/stat": {Data: []byte("cpu 1 2 3 4\ncpu0 1 2 3 4\n")}},
		fstest.MapFS{"proc/stat": {Data: []byte("no cpu")}, "proc/meminfo": {}},
		fstest.MapFS{"proc/stat": {Data: []byte("cpu 1 2 3 4\ncpu0 1 2 3 4\n")}, "proc/meminfo": {Data: []byte("MemTotal: many kB")}},
	} {
		if got, err := sampler(t, metrics.Config{Root: root}).Sample(); err == nil || !strings.Contains(err.Error(), "measure") {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// FuzzMachine feeds what may stand in the files of a machine.
func FuzzMachine(f *testing.F) {
	f.Add("cpu 1 2 3 4\ncpu0 1 2 3 4\n", "0::/a\n", "1 1 0:1 / /c rw - cgroup2 c rw\n", "max 100000", "0-3")
	f.Add("cpu 1 2 3 4\ncpu0 1 2 3 4\n", "0::/../x\n", "1 1 0:1 /.. /c rw - cgroup2 c rw\n", "9 0", "3-0,")
	f.Fuzz(func(t *testing.T, stat, own, mounts, quota, set string) {
		s := metrics.New(metrics.Config{Root: fstest.MapFS{
			"proc/stat": {Data: []byte(stat)}, "proc/meminfo": {Data: []byte("MemTotal: 9 kB\nMemAvailable: 10 kB\n")},
			"proc/self/cgroup": {Data: []byte(own)}, "proc/self/mountinfo": {Data: []byte(mounts)},
			"c/cpu.max": {Data: []byte(quota)}, "c/cpuset.cpus.effective": {Data: []byte(set)}, "c/memory.max": {Data: []byte(quota)}, "c/memory.current": {Data: []byte(set)},
		}})
		defer s.Close()
		if got, err := s.Sample(); err == nil && (!(got.CPUUsed >= 0 && got.CPUUsed <= 100) || got.CPUCount <= 0 || got.MemUsed > got.MemTotal) {
			t.Errorf("%+v", got)
		}
	})
}
