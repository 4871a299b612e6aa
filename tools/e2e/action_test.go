package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// action is action.yml, as far as a runner of GitHub uses it to run its steps.
type action struct {
	Inputs  map[string]struct{ Default string }
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []struct {
			ID, If, Uses, Shell, Run string
			Env                      map[string]string
		}
	}
}

// The step of the action, run as a runner runs it: it judges, annotates, adds the summary and sets its outputs, and
// ends as the suite does.
func TestTheActionJudges(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	address := bare(t, token)
	for _, tc := range []struct {
		name, token, binary string
		status              int
		verdict, annotation string
	}{
		{"conformant", token, program(t, "opensandbox-conformance"), 0, "conformant", ""},
		{"a wrong token, with a suite built from the action's source", "wrong", "", 3, "inconclusive", "::error title=OpenSandbox conformance%3A inconclusive::"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, outputs, summary, status := runAction(t, root, map[string]string{
				"profile": "execd", "execd-url": "http://" + address, "execd-token": tc.token, "binary": tc.binary,
				"args": "--operations\nGET /ping\n\n--groups=execd-auth",
			})
			if status != tc.status {
				t.Errorf("status %d, want %d", status, tc.status)
			}
			if want := "verdict=" + tc.verdict + "\nreport=conformance-report\n"; outputs != want {
				t.Errorf("outputs %q, want %q", outputs, want)
			}
			if !strings.Contains(summary, "## OpenSandbox conformance: "+tc.verdict) {
				t.Errorf("the summary lacks the verdict:\n%s", summary)
			}
			if !strings.Contains(out, "::stop-commands::") || !strings.Contains(out, tc.annotation) {
				t.Errorf("no %q in\n%s", tc.annotation, out)
			}
		})
	}
}

// runAction runs the steps that are no actions of others.
func runAction(t *testing.T, root string, inputs map[string]string) (stdout, outputs, summary string, status int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var a action
	if err := yaml.Unmarshal(data, &a); err != nil {
		t.Fatal(err)
	}
	for name := range inputs {
		if _, known := a.Inputs[name]; !known {
			t.Fatalf("action.yml has no input %s", name)
		}
	}
	expand := func(text string) string {
		return expression.ReplaceAllStringFunc(text, func(whole string) string {
			what := expression.FindStringSubmatch(whole)[1]
			name, isInput := strings.CutPrefix(what, "inputs.")
			input, known := a.Inputs[name]
			switch {
			case what == "github.action_path":
				return root
			case !isInput || !known:
				t.Fatalf("action.yml uses %s, which is nothing", whole)
			case inputs[name] != "":
				return inputs[name]
			}
			return input.Default
		})
	}
	dir := t.TempDir()
	outputFile, summaryFile := filepath.Join(dir, "output"), filepath.Join(dir, "summary")
	steps := map[string]bool{}
	for _, step := range a.Runs.Steps {
		steps[step.ID] = true
		if step.Uses != "" {
			continue
		}
		cmd := exec.CommandContext(t.Context(), step.Shell, "--noprofile", "--norc", "-eo", "pipefail", "-c", expand(step.Run))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GITHUB_OUTPUT="+outputFile, "GITHUB_STEP_SUMMARY="+summaryFile, "RUNNER_TEMP="+dir, "CI=true")
		for name, value := range step.Env {
			cmd.Env = append(cmd.Env, name+"="+expand(value))
		}
		var exit *exec.ExitError
		out, err := cmd.Output()
		stdout += string(out)
		if errors.As(err, &exit) {
			status = exit.ExitCode()
			t.Logf("stderr: %s", exit.Stderr)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for name, output := range a.Outputs {
		if want := fmt.Sprintf("${{ steps.judge.outputs.%s }}", name); output.Value != want || !steps["judge"] {
			t.Errorf("the output %s is %s, expected %s", name, output.Value, want)
		}
	}
	return stdout, read(t, outputFile), read(t, summaryFile), status
}

var expression = regexp.MustCompile(`\$\{\{ ([a-z_.-]+) \}\}`)

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
