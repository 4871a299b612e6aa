// Package sandbox is the domain of the lifecycle server: what a sandbox is,
// which states it goes through, who may change them, and when it ends.
//
// A Manager holds all sandboxes in memory and answers reads from there. Every
// change of a sandbox goes through one place, which checks it against the
// table of states, writes it to the store, and only then shows it and acts on
// it. One scheduler with one timer ends what has run out of time.
//
// The package knows no HTTP and no container engine: requests come as calls,
// errors go as *Error, and a runtime.Runtime does the work.
package sandbox
