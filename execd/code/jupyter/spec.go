package jupyter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const (
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	maxSpec     = 1 << 20 // bytes of a kernel.json
)

// spec is a kernelspec: a folder with a kernel.json
// (https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs).
type spec struct {
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"` // in lower case
	Env           map[string]string `json:"env"`
	InterruptMode string            `json:"interrupt_mode"` // signal or message

	dir     string
	program string // the file that argv[0] stands for
}

// SearchPath lists the folders that may hold kernels, in the order in which they count: those of JUPYTER_PATH,
// the user's, those beside the programs of PATH (virtual environments, other Pythons), the system's.
func SearchPath(env []string) []string {
	dirs := filepath.SplitList(lookup(env, "JUPYTER_PATH"))
	switch home, data := lookup(env, "HOME"), lookup(env, "XDG_DATA_HOME"); {
	case lookup(env, "JUPYTER_DATA_DIR") != "":
		dirs = append(dirs, lookup(env, "JUPYTER_DATA_DIR"))
	case data != "":
		dirs = append(dirs, filepath.Join(data, "jupyter"))
	case home != "":
		dirs = append(dirs, filepath.Join(home, ".local/share/jupyter"))
	}
	for _, prefix := range []string{lookup(env, "VIRTUAL_ENV"), lookup(env, "CONDA_PREFIX")} {
		if prefix != "" {
			dirs = append(dirs, filepath.Join(prefix, "share/jupyter"))
		}
	}
	for _, bin := range searchedBins(env) {
		// Python's sys.prefix, without asking Python.
		if prefix, ok := strings.CutSuffix(filepath.Clean(bin), "/bin"); ok && prefix != "" {
			dirs = append(dirs, filepath.Join(prefix, "share/jupyter"))
		}
	}
	dirs = append(dirs, "/usr/local/share/jupyter", "/usr/share/jupyter")
	var once []string
	for _, dir := range dirs {
		if filepath.IsAbs(dir) && !slices.Contains(once, dir) {
			once = append(once, dir)
		}
	}
	return once
}

// findSpecs reads every usable kernelspec. A folder's name hides the same name further along the path.
func findSpecs(c Config) []spec {
	var specs []spec
	seen := map[string]bool{}
	for _, dir := range SearchPath(c.Env) {
		kernels := filepath.Join(dir, "kernels")
		entries, err := os.ReadDir(kernels)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
				c.Log.Warn("kernels can't be listed", "dir", kernels, "err", err)
			}
			continue
		}
		for _, entry := range entries {
			name := strings.ToLower(entry.Name())
			s, err := readSpec(filepath.Join(kernels, entry.Name()), c.Env)
			switch {
			case errors.Is(err, fs.ErrNotExist) || seen[name]: // no kernelspec
			case err != nil:
				c.Log.Warn("kernel is left out", "dir", filepath.Join(kernels, entry.Name()), "err", err)
			default:
				seen[name] = true
				specs = append(specs, s)
			}
		}
	}
	return specs
}

func readSpec(dir string, env []string) (spec, error) {
	s := spec{dir: dir}
	f, err := os.OpenFile(filepath.Join(dir, "kernel.json"), os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be a FIFO
	if errors.Is(err, syscall.ENOTDIR) {
		return s, fs.ErrNotExist
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return s, errors.New("kernel.json is not a regular file")
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSpec))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(content, &s); err != nil {
		return s, fmt.Errorf("read kernel.json: %w", err)
	}
	s.Language = strings.ToLower(strings.TrimSpace(s.Language))
	if s.InterruptMode == "" {
		s.InterruptMode = "signal"
	}
	switch {
	case len(s.Argv) == 0 || s.Argv[0] == "":
		return s, errors.New("kernel.json: argv is empty")
	case s.Language == "":
		return s, errors.New("kernel.json: language is empty")
	case !strings.Contains(strings.Join(s.Argv, " "), connectionFile):
		return s, fmt.Errorf("kernel.json: argv has no %s", connectionFile)
	case s.InterruptMode != "signal" && s.InterruptMode != "message":
		return s, fmt.Errorf("kernel.json: interrupt_mode %q is neither signal nor message", s.InterruptMode)
	}
	if s.program = findProgram(s.Argv[0], env); s.program == "" {
		return s, fmt.Errorf("its program %q is not there", s.Argv[0])
	}
	return s, nil
}

// findProgram finds an executable as execvp would; "" where there is none.
func findProgram(name string, env []string) string {
	files := []string{name}
	if !strings.Contains(name, "/") {
		files = nil
		for _, dir := range searchedBins(env) {
			files = append(files, filepath.Join(dir, name))
		}
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && filepath.IsAbs(file) && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

func searchedBins(env []string) []string {
	path := lookup(env, "PATH")
	if path == "" {
		path = defaultPath
	}
	return filepath.SplitList(path)
}

// lookup gives the value that a process started with env would see.
func lookup(env []string, name string) string {
	for _, kv := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}
