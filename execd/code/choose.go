package code

// Choose says which languages there are, in the order of their names' first mention: our own drivers, and
// kernels for all that have none. With preferKernels a kernel wins over the driver of the same name. Where a
// list holds a name twice, the first one counts.
func Choose(drivers, kernels []Language, preferKernels bool) []Language {
	first, second := drivers, kernels
	if preferKernels {
		first, second = kernels, drivers
	}
	var chosen []Language
	seen := map[string]bool{}
	for _, list := range [][]Language{first, second} {
		for _, language := range list {
			if name := language.Name(); !seen[name] {
				seen[name] = true
				chosen = append(chosen, language)
			}
		}
	}
	return chosen
}
