package main

import (
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// The operations of the lifecycle API.
var (
	createSandbox   = mutant.Op("POST", "/sandboxes")
	listSandboxes   = mutant.Op("GET", "/sandboxes")
	getSandbox      = mutant.Op("GET", "/sandboxes/{sandboxId}")
	deleteSandbox   = mutant.Op("DELETE", "/sandboxes/{sandboxId}")
	pauseSandbox    = mutant.Op("POST", "/sandboxes/{sandboxId}/pause")
	resumeSandbox   = mutant.Op("POST", "/sandboxes/{sandboxId}/resume")
	renewSandbox    = mutant.Op("POST", "/sandboxes/{sandboxId}/renew-expiration")
	patchSandbox    = mutant.Op("PATCH", "/sandboxes/{sandboxId}/metadata")
	sandboxEndpoint = mutant.Op("GET", "/sandboxes/{sandboxId}/endpoints/{port}")
)

// lifecycleMutants are the mutants of a lifecycle server.
func lifecycleMutants() []Mutant {
	return slices.Concat(
		createMutants(), failureMutants(), requestMutants(), limitMutants(),
		getMutants(), stateMutants(), deleteMutants(),
		listMutants(), filterMutants(), pageMutants(),
		pauseMutants(), resumeMutants(),
		renewMutants(), expireMutants(),
		endpointMutants(), gatewayMutants(),
		keyMutants(), lifecycleHTTPMutants(),
		patchMutants(), furtherLimitMutants(), endMutants(), manualMutants(), oddMetadataMutants(),
		lifecycleNegativeMutants(),
		furtherPatchMutants(), odderMetadataMutants(), secondLimitMutants(), secondEndMutants(), secondManualMutants(), secondEndpointMutants(),
	)
}

// lifecycleVariants are the benign variants of a lifecycle server.
func lifecycleVariants() []Benign {
	return slices.Concat(wireVariants(), behaviourVariants(), expiryVariants())
}
