// Package mutant makes a conforming deployment wrong in exactly one way on the
// wire, so that it can be shown that the suite sees it: a [Proxy] stands before
// the deployment, passes everything on as it is, streams live, path and query
// byte for byte, and applies one [Fault] to the exchanges that a [Match] picks.
//
// A fault is one line of a table:
//
//	mutant.DropEvent(mutant.Op("POST", "/command"), "execution_complete")
//
// It counts how often it acted: a mutant whose fault never acted proves nothing.
// The same constructors make the benign variants, odd but allowed, in which the
// suite must find nothing.
//
// What it is not for: faults of behaviour, such as a pause that does not pause;
// they are made inside a deployment. It shares no code with the judge.
package mutant
