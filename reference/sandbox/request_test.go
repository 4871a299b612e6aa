package sandbox_test

import (
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

func TestCreateRefusesWhatIsWrong(t *testing.T) {
	seconds := func(n int64) func(*sandbox.CreateRequest) {
		return func(r *sandbox.CreateRequest) { r.Timeout = &n }
	}
	limit := func(name, value string) func(*sandbox.CreateRequest) {
		return func(r *sandbox.CreateRequest) { r.Limits = map[string]string{name: value} }
	}
	label := func(key, value string) func(*sandbox.CreateRequest) {
		return func(r *sandbox.CreateRequest) { r.Metadata = map[string]string{key: value} }
	}
	env := func(key, value string) func(*sandbox.CreateRequest) {
		return func(r *sandbox.CreateRequest) { r.Env = map[string]string{key: value} }
	}
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		name   string
		change func(*sandbox.CreateRequest)
		code   string // "": accepted
	}{
		{"as it is", func(*sandbox.CreateRequest) {}, ""},
		{"no image", func(r *sandbox.CreateRequest) { r.Image = "" }, "INVALID_IMAGE"},
		{"image with a space", func(r *sandbox.CreateRequest) { r.Image = "debian 12" }, "INVALID_IMAGE"},
		{"image with a control character", func(r *sandbox.CreateRequest) { r.Image = "debian\x00" }, "INVALID_IMAGE"},
		{"very long image", func(r *sandbox.CreateRequest) { r.Image = long(600) }, "INVALID_IMAGE"},
		{"no entrypoint", func(r *sandbox.CreateRequest) { r.Entrypoint = nil }, "INVALID_ENTRYPOINT"},
		{"empty program", func(r *sandbox.CreateRequest) { r.Entrypoint = []string{"", "a"} }, "INVALID_ENTRYPOINT"},
		{"empty argument", func(r *sandbox.CreateRequest) { r.Entrypoint = []string{"echo", ""} }, ""},
		{"NUL in an argument", func(r *sandbox.CreateRequest) { r.Entrypoint = []string{"echo", "a\x00b"} }, "INVALID_ENTRYPOINT"},
		{"no timeout", func(r *sandbox.CreateRequest) { r.Timeout = nil }, "TIMEOUT_REQUIRED"},
		{"timeout 59", seconds(59), "INVALID_TIMEOUT"},
		{"timeout 0", seconds(0), "INVALID_TIMEOUT"},
		{"timeout -1", seconds(-1), "INVALID_TIMEOUT"},
		{"timeout 60", seconds(60), ""},
		{"timeout 86400", seconds(86400), ""},
		{"timeout 86401", seconds(86401), "INVALID_TIMEOUT"},
		{"enormous timeout", seconds(1 << 62), "INVALID_TIMEOUT"},
		{"no limits", func(r *sandbox.CreateRequest) { r.Limits = nil }, ""},
		{"unknown limit", limit("ephemeral-storage", "whatever"), ""},
		{"cpu abc", limit("cpu", "abc"), "INVALID_RESOURCE_LIMIT"},
		{"cpu 0", limit("cpu", "0"), "INVALID_RESOURCE_LIMIT"},
		{"cpu -1", limit("cpu", "-1"), "INVALID_RESOURCE_LIMIT"},
		{"cpu empty", limit("cpu", ""), "INVALID_RESOURCE_LIMIT"},
		{"memory 1X", limit("memory", "1X"), "INVALID_RESOURCE_LIMIT"},
		{"memory too large", limit("memory", "16Ei"), "INVALID_RESOURCE_LIMIT"},
		{"gpu 0", limit("gpu", "0"), "INVALID_RESOURCE_LIMIT"},
		{"gpu 1.5", limit("gpu", "1.5"), "INVALID_RESOURCE_LIMIT"},
		{"gpu 1", limit("gpu", "1"), ""},
		{"label", label("project", "apollo-2"), ""},
		{"prefixed label", label("example.com/Team_1.x", "A.b_c"), ""},
		{"empty value", label("a", ""), ""},
		{"long label", label(long(63), long(63)), ""},
		{"label too long", label(long(64), "b"), "INVALID_METADATA_KEY"},
		{"value too long", label("a", long(64)), "INVALID_METADATA_VALUE"},
		{"empty key", label("", "b"), "INVALID_METADATA_KEY"},
		{"key with a space", label("a b", "c"), "INVALID_METADATA_KEY"},
		{"key ends with a dash", label("a-", "c"), "INVALID_METADATA_KEY"},
		{"value begins with a dot", label("a", ".c"), "INVALID_METADATA_VALUE"},
		{"two slashes", label("a/b/c", "d"), "INVALID_METADATA_KEY"},
		{"empty prefix", label("/b", "d"), "INVALID_METADATA_KEY"},
		{"prefix with capitals", label("Example.com/b", "d"), "INVALID_METADATA_KEY"},
		{"longest prefix", label(strings.Repeat("a.", 126)+"a/b", "d"), ""},
		{"prefix too long", label(strings.Repeat("a.", 127)+"a/b", "d"), "INVALID_METADATA_KEY"},
		{"our own prefix", label("opensandbox.io/id", "d"), "RESERVED_METADATA_KEY"},
		{"not quite our prefix", label("my.opensandbox.io/id", "d"), ""},
		{"line end after a value", label("a", "b\n"), "INVALID_METADATA_VALUE"},
		{"env", env("PATH_2", "a=b\n"), ""},
		{"env without a name", env("", "a"), "INVALID_ENV"},
		{"env with =", env("A=B", "a"), "INVALID_ENV"},
		{"env with NUL", env("A", "a\x00"), "INVALID_ENV"},
		{"the daemon's token", env("EXECD_ACCESS_TOKEN", "a"), "INVALID_ENV"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, b *bench) {
				req := request()
				c.change(&req)
				_, err := b.Create(t.Context(), req)
				if c.code == "" {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				refused(t, err, sandbox.Invalid, c.code)
				if page, _ := b.List(sandbox.Query{Page: 1, PageSize: 1}); page.TotalItems != 0 || len(b.store.rows) != 0 {
					t.Error("something was made")
				}
			})
		})
	}
}

func TestQuantities(t *testing.T) {
	for _, c := range []struct {
		text  string
		scale int64
		want  int64 // 0: refused
	}{
		{"1", 1e9, 1e9}, {"500m", 1e9, 5e8}, {"1.5", 1e9, 15e8}, {".5", 1e9, 5e8}, {"1.", 1e9, 1e9}, {"0.1", 1e9, 1e8},
		{"100u", 1e9, 0}, {"2e0", 1e9, 2e9}, {"1n", 1e9, 0},
		{"536870912", 1, 536870912}, {"512Mi", 1, 512 << 20}, {"1Gi", 1, 1 << 30}, {"1G", 1, 1e9}, {"1k", 1, 1000},
		{"1.5Gi", 1, 3 << 29}, {"128974848", 1, 128974848}, {"129e6", 1, 129e6}, {"129M", 1, 129e6}, {"123Mi", 1, 123 << 20},
		{"1Ki", 1, 1024}, {"1Ti", 1, 1 << 40}, {"1Pi", 1, 1 << 50}, {"7Ei", 1, 7 << 60}, {"8Ei", 1, 0}, {"1E3", 1, 1000}, {"1E", 1, 1e18},
		{"1e-3", 1, 1}, {"0.5", 1, 1}, {"9223372036854775807", 1, 9223372036854775807}, {"9223372036854775808", 1, 0},
		{"", 1, 0}, {" 1", 1, 0}, {"1 ", 1, 0}, {"1 Gi", 1, 0}, {"-1", 1, 0}, {"+1", 1, 0}, {"0", 1, 0}, {"0.0", 1, 0}, {"0Gi", 1, 0},
		{"1KB", 1, 0}, {"1mb", 1, 0}, {"1K", 1, 0}, {"0x10", 1, 0}, {"1_000", 1, 0}, {"1e99", 1, 0}, {"1e999", 1, 0}, {"NaN", 1, 0}, {"Inf", 1, 0}, {".", 1, 0}, {"１", 1, 0}, {"1\n", 1, 0},
	} {
		got, err := sandbox.ParseQuantity(c.text, c.scale)
		if got != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%q times %d: %d, %v; want %d", c.text, c.scale, got, err, c.want)
		}
	}
}

func FuzzQuantity(f *testing.F) {
	for _, seed := range []string{"1", "500m", "1.5Gi", "1e3", "-1", "9E", "1e-99", ".", "0.000000001Ei"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := sandbox.ParseQuantity(text, 1e9)
		if (err == nil) != (got > 0) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	})
}
