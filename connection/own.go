package connection

import (
	"fmt"
	"time"

	"github.com/commercesync/commerce"
)

// Codes of what the Checker itself finds.
const (
	// CodeHangs: the check did not come back within Config.Timeout, or one before it has
	// not come back yet.
	CodeHangs = "check_hangs"
	// CodeNotRun: its turn did not come within Config.Within.
	CodeNotRun = "check_not_run"
	// CodePanicked: the check is broken.
	CodePanicked = "check_panicked"
	// CodeModes: connections that work together are of live and of test mode.
	CodeModes = "modes_disagree"
)

func hangs(of commerce.Ref, timeout time.Duration) commerce.Finding {
	return commerce.Finding{Connection: of, Code: CodeHangs, Severity: commerce.Broken,
		Seen:     fmt.Sprintf("the check had not come back after %s", timeout),
		Expected: "each system answers within seconds",
		Mend:     "see whether the system is up and reachable from here; a firewall that drops packets looks like this"}
}

func notRun(of commerce.Ref, within time.Duration) commerce.Finding {
	return commerce.Finding{Connection: of, Code: CodeNotRun, Severity: commerce.Warning,
		Seen:     fmt.Sprintf("it was not looked at within %s, as others took that long", within),
		Expected: "every connection is looked at",
		Mend:     "raise Config.Within or Config.Parallel, and see which connections hang"}
}

func panicked(of commerce.Ref) commerce.Finding {
	return commerce.Finding{Connection: of, Code: CodePanicked, Severity: commerce.Broken,
		Seen: "the check panicked", Expected: "a check that ends", Mend: "report it to whoever wrote the check"}
}

// modes finds groups with connections of both modes; every one of the group is told.
func modes(all []Connection) map[commerce.Ref]commerce.Findings {
	type group struct{ tenant, name string }
	systems := map[group]map[commerce.Mode]string{}
	for _, c := range all {
		if c.Group == "" {
			continue
		}
		g := group{c.Ref.Tenant, c.Group}
		if systems[g] == nil {
			systems[g] = map[commerce.Mode]string{}
		}
		systems[g][c.Ref.Mode] = c.Ref.System
	}
	out := map[commerce.Ref]commerce.Findings{}
	for _, c := range all {
		of := systems[group{c.Ref.Tenant, c.Group}]
		if len(of) < 2 {
			continue
		}
		out[c.Ref] = commerce.Findings{{Connection: c.Ref, Code: CodeModes, Severity: commerce.Broken,
			Seen:     fmt.Sprintf("%s is of mode %s; of those that work with it %s is live and %s is test", c.Ref.System, c.Ref.Mode, of[commerce.Live], of[commerce.Test]),
			Expected: "all of one mode",
			Mend:     "put in test keys and a test company everywhere, or live ones everywhere"}}
	}
	return out
}
