package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

type listCmd struct {
	Groups     []string `help:"Only of these groups, separated by commas."`
	Operations []string `help:"Only what concerns these operations, such as 'POST /command'."`
	Level      string   `enum:"MUST,SHOULD," default:"" help:"Only MUST, or only SHOULD."`
	JSON       bool     `name:"json" help:"Print a JSON array, for programs."`
}

// Help says what a row holds.
func (listCmd) Help() string {
	return `A MUST that is broken makes a deployment nonconformant; a SHOULD that is broken is a warning. In brackets stands the optional
capability that a requirement belongs to. Each name of a scenario begins with its file in features/.
Exit status: 0, or 2 where there is no such group or operation.

    opensandbox-conformance list --groups expiry
    opensandbox-conformance list --level MUST --operations "POST /command"`
}

// listed is one row of the list, for programs.
type listed struct {
	ID         string   `json:"id"`
	Level      string   `json:"level"`
	Group      string   `json:"group"`
	Capability string   `json:"capability"`
	Edition    string   `json:"edition,omitempty"`
	Operations []string `json:"operations"`
	Source     string   `json:"source"`
	Text       string   `json:"text"`
	Pitfall    string   `json:"pitfall,omitempty"`
	Scenarios  []string `json:"scenarios"`
}

func (c listCmd) Run() error {
	ledger, operations, err := documents()
	if err != nil {
		return err
	}
	scenarios, err := conformance.Catalogue()
	if err != nil {
		return err
	}
	asked, err := c.check(ledger, operations)
	if err != nil {
		return err
	}
	rows := []listed{}
	for _, row := range ledger {
		if c.wants(row, asked) {
			rows = append(rows, listed{
				ID: row.ID, Level: string(row.Level), Group: row.Group, Capability: row.Capability, Edition: row.Edition,
				Operations: row.Operations, Source: row.Source, Text: row.Text, Pitfall: row.Pitfall, Scenarios: scenarios[row.ID],
			})
		}
	}
	if c.JSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(rows)
	}
	for _, row := range rows {
		if err := row.text(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}

// wants says whether a row is listed, given the operations that were asked for.
func (c listCmd) wants(row spec.Requirement, asked []*spec.Operation) bool {
	concerned := func(op *spec.Operation) bool {
		return op.Document.Name == row.Document() && row.Operations.Concerns(op.String())
	}
	return (len(c.Groups) == 0 || slices.Contains(c.Groups, row.Group)) &&
		(len(asked) == 0 || slices.ContainsFunc(asked, concerned)) &&
		(c.Level == "" || c.Level == string(row.Level))
}

// check finds the operations that are asked for, and refuses names of which there is nothing to list.
func (c listCmd) check(ledger []spec.Requirement, operations []*spec.Operation) ([]*spec.Operation, error) {
	groups := groupNames(ledger)
	for _, group := range c.Groups {
		if !slices.Contains(groups, group) {
			return nil, wrongCall(fmt.Errorf("there is no group %q; there are %s", group, strings.Join(groups, ", ")))
		}
	}
	var asked []*spec.Operation
	for _, name := range c.Operations {
		i := slices.IndexFunc(operations, func(op *spec.Operation) bool { return op.String() == name })
		if i < 0 {
			return nil, wrongCall(fmt.Errorf("there is no operation %q; write METHOD and path template as in the documents", name))
		}
		asked = append(asked, operations[i])
	}
	return asked, nil
}

// groupNames lists the groups of the ledger in its order.
func groupNames(ledger []spec.Requirement) []string {
	var names []string
	for _, row := range ledger {
		if row.Group != spec.AnyGroup && !slices.Contains(names, row.Group) {
			names = append(names, row.Group)
		}
	}
	return names
}

func (l listed) text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s", l.ID, l.Level, l.Group)
	if l.Capability != spec.Core {
		fmt.Fprintf(&b, "  (%s)", l.Capability)
	}
	if l.Edition != "" {
		fmt.Fprintf(&b, "  (edition %s)", l.Edition)
	}
	fmt.Fprintf(&b, "\n    %s\n    source: %s\n", l.Text, l.Source)
	for _, scenario := range l.Scenarios {
		fmt.Fprintf(&b, "    %s\n", scenario)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
