package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

var background = runCommand.WithBody(func(b map[string]any) bool { return b["background"] == true })

// backgroundMutants break commands that run on by themselves.
func backgroundMutants() []Mutant {
	command := func(what string, change func(command string) string) mutant.Fault {
		return mutant.RewriteRequestJSON(background, what, func(b map[string]any) {
			if text, ok := b["command"].(string); ok {
				b["command"] = change(text)
			}
		})
	}
	complete := map[string]any{"type": "execution_complete", "execution_time": 0}
	return breaks("EX-CMD-14",
		mutant.RewriteRequestJSON(background, "background is ignored", func(b map[string]any) { delete(b, "background") }),
		asForeground("the stream lasts as long as the command", func(f mutant.Frame) ([]mutant.Frame, error) {
			switch {
			case f.Is("stdout"), f.Is("stderr"):
				return nil, nil
			case f.Is("error"):
				return []mutant.Frame{stamped(complete, f)}, nil
			}
			return []mutant.Frame{f}, nil
		}),
		asForeground("the command ends with its stream", func(f mutant.Frame) ([]mutant.Frame, error) {
			return []mutant.Frame{f, stamped(complete, f)}, io.EOF
		}),
		command("nothing is run", func(string) string { return ":" }),
		command("its output has no reader, and it dies of that", func(text string) string { return "{\n" + text + "\n} 2>&1 | :" }),
		renamed(mutant.EndBefore(background, "execution_complete"), runCommand, "no execution_complete in the background"),
		renamed(mutant.HoldEvent(background, "execution_complete", 8*time.Second), runCommand, "execution_complete 8 s late in the background"),
		mutant.ChangeEvent(background, "execution_complete", "ends in an error in the background", func(e map[string]any) {
			delete(e, "execution_time")
			e["type"] = "error"
			e["error"] = map[string]any{"ename": "CommandExecError", "evalue": "-1", "traceback": []string{"still running"}}
		}),
		framewise(background, "a line of output in the stream of the background", func(act func()) func(mutant.Frame) []mutant.Frame {
			return func(f mutant.Frame) []mutant.Frame {
				if !f.Is("init") {
					return []mutant.Frame{f}
				}
				act()
				return []mutant.Frame{f, stamped(map[string]any{"type": "stdout", "text": "started"}, f)}
			}
		}),
	)
}

// asForeground runs what is for the background in the foreground, and changes the stream.
func asForeground(what string, change func(f mutant.Frame) ([]mutant.Frame, error)) mutant.Fault {
	return mutant.Fault{
		Name: background.String() + ": " + what, Match: background,
		Request: mutant.RewriteRequestJSON(background, "", func(b map[string]any) { delete(b, "background") }).Request,
		Response: func(res *http.Response, act func()) error {
			return mutant.Stream(background, "", func(context.Context, func()) mutant.Editor {
				return mutant.Editor{Frame: change}
			}).Response(res, act)
		},
	}
}
