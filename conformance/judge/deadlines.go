package judge

import (
	"reflect"
	"strings"
	"time"
)

// Milliseconds lists the deadlines by name, for a report.
func (d Deadlines) Milliseconds() map[string]int64 {
	out := map[string]int64{}
	v := reflect.ValueOf(d)
	for i := range v.NumField() {
		out[lower(v.Type().Field(i).Name)] = time.Duration(v.Field(i).Int()).Milliseconds()
	}
	return out
}

// FromMilliseconds are the deadlines that a report lists; those that it lacks are the defaults.
func FromMilliseconds(named map[string]int64) Deadlines {
	d := DefaultDeadlines()
	v := reflect.ValueOf(&d).Elem()
	for i := range v.NumField() {
		if value, ok := named[lower(v.Type().Field(i).Name)]; ok {
			v.Field(i).SetInt(int64(time.Duration(value) * time.Millisecond))
		}
	}
	return d
}

func lower(name string) string { return strings.ToLower(name[:1]) + name[1:] }
