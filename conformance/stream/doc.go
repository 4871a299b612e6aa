// Package stream reads and judges event streams: it takes a live body apart by
// the rules of WHATWG HTML §9.2, byte by byte, and says what breaks them, and
// it compiles and runs the expressions of x-event-sequence.
//
// It is the part of the suite that other people's servers are judged by, so it
// depends on nothing but the standard library, and it separates what was said
// from how it was said: a stream that frames its events wrongly, in a way that
// clients are known to live with, gets one [Framing] fault, and its events are
// read all the same.
//
// What it is not for: the schema of an event, the content type, timestamps and
// deadlines. [Transcript] holds what is needed to judge those.
package stream
