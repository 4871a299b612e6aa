package negative

import (
	"hash/fnv"
	"math/rand/v2"
)

// Cases makes every case of the operation of a good request, in an order that is the same each time.
func (o Options) Cases(b *Base) []Case {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(b.op.String()))                                  // a hash takes everything
	m := &maker{Base: b, random: rand.New(rand.NewPCG(o.Seed, hash.Sum64()))} //nolint:gosec // to be the same each time is its point
	m.parameters(o.Unknown)
	m.bodies()
	return m.cases
}
