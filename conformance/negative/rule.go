package negative

import (
	"net/http"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// The requirements that hold where no other says how a case is to be answered, by the prefix of the document. The first
// is a MUST, the others are good practice.
const (
	generalBody      = "-NEG-01" // no JSON, a missing field, a wrong type; in the lifecycle API a wrong range too
	generalParameter = "-NEG-02"
	furtherBody      = "-NEG-03" // what else the document rules out
)

// bodyRules are requirements on the wrong bodies of one operation: no JSON, a missing field, a wrong type.
var bodyRules = map[string]string{
	"createSandbox": "LC-CREATE-08", "patchSandboxMetadata": "LC-PATCH-07",
	"runCommand": "EX-CMD-09", "runInSession": "EX-SESSION-12", "createCodeContext": "EX-CONTEXT-12", "runCode": "EX-CODE-27",
	"chmodFiles": "EX-CHMOD-12", "renameFiles": "EX-MOVE-06", "replaceContent": "EX-REPLACE-09", "makeDirs": "EX-MKDIR-07",
	"uploadFile": "EX-UPLOAD-11",
}

// exceptions are cases to which another requirement than that of their operation or kind applies: by operation, where
// (a field; a parameter, perhaps with one value; "*" for any) and kind. A requirement says no more than its sentence.
var exceptions = map[string]string{
	"renewSandboxExpiration expiresAt " + string(Missing):   "LC-RENEW-07",
	"renewSandboxExpiration expiresAt " + string(WrongType): "LC-RENEW-07",
	"renewSandboxExpiration expiresAt " + string(Malformed): "LC-RENEW-07",

	"createSandbox image.osc-unknown " + string(Extra):      "LC-CREATE-14",
	"createSandbox image.auth.osc-unknown " + string(Extra): "LC-CREATE-14",

	"runCode context.language " + string(Missing):      "EX-NEG-03", // its own requirement is about the code only
	"uploadFile metadata " + string(Missing):           "EX-NEG-01",
	"uploadFile file " + string(Missing):               "EX-NEG-01",
	"replaceContent * " + string(EmptyText):            "EX-REPLACE-09",
	"uploadFile * " + string(WrongType):                "EX-NEG-01",
	"getSandboxEndpoint port " + string(Beyond):        "LC-ENDPOINT-06",
	"listSandboxes page=0 " + string(Beyond):           "LC-LIST-06",
	"listSandboxes pageSize=abc " + string(Unreadable): "LC-LIST-06",
	"getCommandLogs cursor=abc " + string(Unreadable):  "EX-LOGS-07",
	"getCommandLogs cursor=-1 " + string(Beyond):       "EX-LOGS-07",
	"getFilesInfo path " + string(Unnamed):             "EX-INFO-05",
	"removeFiles path " + string(Unnamed):              "EX-REMOVE-06",
	"searchFiles path " + string(Unnamed):              "EX-SEARCH-10",
	"downloadFile path " + string(Unnamed):             "EX-DOWNLOAD-12",
	"listDirectory path " + string(Unnamed):            "EX-LIST-09",
	"removeDirs path " + string(Unnamed):               "EX-RMDIR-05",
	"getSandbox sandboxId " + string(UnknownID):        "LC-GET-02",
	"deleteSandbox sandboxId " + string(UnknownID):     "LC-DELETE-02",
	"pauseSandbox sandboxId " + string(UnknownID):      "LC-PAUSE-05",
	"resumeSandbox sandboxId " + string(UnknownID):     "LC-RESUME-05",
	"interruptCommand id " + string(UnknownID):         "EX-CMD-18",
	"getCommandStatus session " + string(UnknownID):    "EX-STATUS-03",
	"getCommandOutput session " + string(UnknownID):    "EX-OUTPUT-04",
	"getCommandLogs id " + string(UnknownID):           "EX-LOGS-08",
	"interruptCode id " + string(UnknownID):            "EX-CODE-14",
	"runInSession sessionId " + string(UnknownID):      "EX-SESSION-08",
	"deleteSession sessionId " + string(UnknownID):     "EX-SESSION-08",

	"renewSandboxExpiration sandboxId " + string(UnknownID): "LC-RENEW-08",
	"getSandboxEndpoint sandboxId " + string(UnknownID):     "LC-ENDPOINT-05",
	"patchSandboxMetadata sandboxId " + string(UnknownID):   "LC-PATCH-08",
}

// ruleOf finds the requirement that says how a case is to be answered.
func ruleOf(c Case) Rule {
	prefix := "EX"
	if c.Operation.Document.Name == spec.LifecycleFile {
		prefix = "LC"
	}
	for _, where := range []string{c.Where, c.Where + "=" + c.value, "*"} {
		if id := exceptions[c.Operation.ID+" "+where+" "+string(c.Kind)]; id != "" {
			return ruled(id, c.Kind)
		}
	}
	switch c.Kind {
	case WrongMethod:
		return Rule{Requirement: prefix + "-HTTP-02", Statuses: []int{http.StatusMethodNotAllowed}}
	case Unnamed, Unreadable, Beyond, UnknownID:
		return ruled(prefix+generalParameter, c.Kind)
	case OutOfRange, Malformed:
		if prefix == "EX" { // its rule names no ranges
			return ruled(prefix+furtherBody, c.Kind)
		}
	case Null, EmptyText, Extra, ContentType:
		return ruled(prefix+furtherBody, c.Kind)
	}
	if id := bodyRules[c.Operation.ID]; id != "" {
		return ruled(id, c.Kind)
	}
	return ruled(prefix+generalBody, c.Kind)
}

// ruled adds the statuses to a requirement.
func ruled(id string, kind Kind) Rule {
	switch {
	case strings.HasSuffix(id, generalParameter), strings.HasSuffix(id, furtherBody):
		return Rule{Requirement: id, Taken: kind == Null}
	case kind == UnknownID:
		return Rule{Requirement: id, Statuses: []int{http.StatusNotFound}}
	case kind == NotForm, kind == NotJSON && id != bodyRules["uploadFile"]: // there it is a part that is no JSON
		return Rule{Requirement: id, Statuses: []int{http.StatusBadRequest, http.StatusUnsupportedMediaType}}
	}
	return Rule{Requirement: id, Statuses: []int{http.StatusBadRequest}}
}

// Withheld are cases that are not sent, by operation, where ("*" for any) and kind, and why.
var Withheld = map[string]string{
	"deleteContextsByLanguage language " + string(Unnamed): "whoever takes it may end the contexts of others",
	"createSandbox * " + string(Null):                      "it may be taken, and each would be a sandbox",
}

func withheld(c Case) string {
	if why := Withheld[c.Operation.ID+" * "+string(c.Kind)]; why != "" {
		return why
	}
	return Withheld[c.Operation.ID+" "+c.Where+" "+string(c.Kind)]
}
