package metrics

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"
)

// ticks is how many there are in a second in /proc/stat: USER_HZ, the same on every architecture that Go has.
const ticks = 100

// machine is what is read for one measurement.
type machine struct {
	root   fs.FS
	groups groups
}

// processors is the processor time used up to a moment.
type processors struct {
	at    time.Time
	used  time.Duration // since some time in the past
	count float64       // how many may be used
}

// usedSince is the per cent of all processors' time between two counts, 0 to 100. Counts that went back, as when the
// process was moved to another group, are taken for none.
func (p processors) usedSince(before processors) float64 {
	available := p.at.Sub(before.at).Seconds() * p.count
	if available <= 0 {
		return 0
	}
	return min(100, max(0, (p.used-before.used).Seconds()/available*100))
}

// processors counts: the group's time where it has a count, else the machine's.
func (m machine) processors() (processors, error) {
	online, busy, err := m.stat()
	if err != nil {
		return processors{}, err
	}
	p := processors{at: time.Now(), used: busy, count: float64(online)}
	if n, ok := m.number("cpuacct", "cpuacct.usage"); ok {
		p.used = time.Duration(n)
	} else if n, ok := m.field("", "cpu.stat", "usage_usec"); ok {
		p.used = time.Duration(n) * time.Microsecond
	}
	p.count = m.allowed(p.count)
	return p, nil
}

// allowed lowers count to what the groups allow: a set of processors, and a quota in a period.
func (m machine) allowed(count float64) float64 {
	for _, dir := range m.groups["cpuset"] {
		for _, name := range []string{"cpuset.effective_cpus", "cpuset.cpus"} {
			count = lower(count, cpuSet(m.read(dir, name)))
		}
	}
	for _, dir := range m.groups[""] {
		count = lower(count, cpuSet(m.read(dir, "cpuset.cpus.effective")))
		if quota, period, ok := strings.Cut(m.read(dir, "cpu.max"), " "); ok {
			count = lower(count, quotient(quota, period)) // "max" is no number
		}
	}
	for _, dir := range m.groups["cpu"] {
		count = lower(count, quotient(m.read(dir, "cpu.cfs_quota_us"), m.read(dir, "cpu.cfs_period_us"))) // -1: none
	}
	return count
}

// lower is the limit where there is one that is lower.
func lower(count, limit float64) float64 {
	if limit > 0 && limit < count {
		return limit
	}
	return count
}

func quotient(quota, period string) float64 {
	q, err := strconv.ParseInt(quota, 10, 64)
	if err != nil {
		return 0
	}
	p, err := strconv.ParseInt(period, 10, 64)
	if err != nil || p <= 0 {
		return 0
	}
	return float64(q) / float64(p)
}

// cpuSet counts a list as "0-3,8" (cpuset(7)); 0 where it is none.
func cpuSet(list string) float64 {
	n := 0
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.ParseUint(from, 10, 16)
		if err != nil {
			return 0
		}
		last := first
		if isRange {
			if last, err = strconv.ParseUint(to, 10, 16); err != nil || last < first {
				return 0
			}
		}
		n += int(last-first) + 1
	}
	return float64(n)
}

// memory gives what may be used and what is used, bytes. The cache of files that were not read lately counts as free.
func (m machine) memory() (total, used uint64, err error) {
	text, err := fs.ReadFile(m.root, "proc/meminfo")
	if err != nil {
		return 0, 0, fmt.Errorf("measure memory: %w", err)
	}
	total, _ = value(string(text), "MemTotal:")
	available, ok := value(string(text), "MemAvailable:")
	if total == 0 || !ok {
		return 0, 0, fmt.Errorf("measure memory: /proc/meminfo lacks MemTotal or MemAvailable")
	}
	total, available = total<<10, available<<10
	used = total - min(total, available)
	if n, ok := m.number("memory", "memory.usage_in_bytes"); ok {
		cache, _ := m.field("memory", "memory.stat", "total_inactive_file")
		used = n - min(n, cache)
	} else if n, ok := m.number("", "memory.current"); ok {
		cache, _ := m.field("", "memory.stat", "inactive_file")
		used = n - min(n, cache)
	}
	for controller, name := range map[string]string{"memory": "memory.limit_in_bytes", "": "memory.max"} {
		for _, dir := range m.groups[controller] {
			if limit, err := strconv.ParseUint(m.read(dir, name), 10, 64); err == nil && limit > 0 { // "max" is no number
				total = min(total, limit)
			}
		}
	}
	return total, min(used, total), nil
}

// stat reads /proc/stat (proc_stat(5)): the processors that are online, and the time that all of them were busy.
func (m machine) stat() (online int, busy time.Duration, err error) {
	text, err := fs.ReadFile(m.root, "proc/stat")
	if err != nil {
		return 0, 0, fmt.Errorf("measure processors: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 5 || !strings.HasPrefix(fields[0], "cpu") {
			continue
		}
		if fields[0] != "cpu" {
			online++
			continue
		}
		for i, field := range fields[1:min(len(fields), 9)] { // user nice system idle iowait irq softirq steal
			if n, err := strconv.ParseUint(field, 10, 63); err == nil && i != 3 && i != 4 {
				busy += time.Duration(min(n, math.MaxInt64/uint64(time.Second))) * (time.Second / ticks)
			}
		}
	}
	if online == 0 {
		return 0, 0, fmt.Errorf("measure processors: /proc/stat names none")
	}
	return online, busy, nil
}

// number reads a file of the controller's group that holds one number.
func (m machine) number(controller, name string) (uint64, bool) {
	for _, dir := range m.groups[controller] {
		if text := m.read(dir, name); text != "" { // a group that can't be seen here: the one above
			n, err := strconv.ParseUint(text, 10, 63)
			return n, err == nil
		}
	}
	return 0, false
}

// field reads a number by its name from a file of the controller's group.
func (m machine) field(controller, name, key string) (uint64, bool) {
	for _, dir := range m.groups[controller] {
		if text := m.read(dir, name); text != "" {
			return value(text, key)
		}
	}
	return 0, false
}

func (m machine) read(dir, name string) string {
	text, err := fs.ReadFile(m.root, dir+"/"+name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// value finds the number behind a key at the beginning of a line.
func value(text, key string) (uint64, bool) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key {
			n, err := strconv.ParseUint(fields[1], 10, 63)
			return n, err == nil
		}
	}
	return 0, false
}
