// Package proxy stands between the clients of a deployment and the deployment, carries everything, live, and judges
// what passes: the answers and streams by the same rules as the suite's own, and the requests by the documents. So what
// a client does anyway becomes evidence about both sides.
//
// A sandbox's endpoints go through it too: in the answer that names one, the endpoint is replaced by a path below
// [Own], which leads to the real one. What passes to the port of the daemon is judged by its document, other ports are
// only carried.
//
// It makes no traffic of its own, but for one question after a stream broke off: is the other side still there? Bodies
// are passed on as they come; of each a bounded part is kept until it is judged.
package proxy
