// Package features holds what the suite checks, in Gherkin: one folder for each API, one file for each subject. Read
// them to learn the API.
//
// A scenario carries the ids of the requirements that it checks as tags; a step that begins with an id is a check of
// that requirement.
package features

import "embed"

// FS holds the feature files.
//
//go:embed execd/*.feature lifecycle/*.feature
var FS embed.FS

// The folders of FS.
const (
	Execd     = "execd"
	Lifecycle = "lifecycle"
)

// Long is the tag, beside the ids, of scenarios that mostly wait for a time to pass. They are played from the start,
// beside the others.
const Long = "long"
