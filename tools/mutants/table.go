package main

import "slices"

// Mutants lists every mutant.
func Mutants() []Mutant {
	return slices.Concat(execdMutants(), lifecycleMutants())
}

// Variants lists the benign variants of a plane.
func Variants(lifecycle bool) []Benign {
	if lifecycle {
		return lifecycleVariants()
	}
	return execdVariants()
}
