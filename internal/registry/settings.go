package registry

import (
	"errors"
	"fmt"

	"github.com/tim-wasm/tim/internal/place"
)

// Mode is the login mode of an app: which platforms exclude each other.
type Mode string

// The login modes.
const (
	Single Mode = "single" // one platform in all
	Dual   Mode = "dual"   // one of the native platforms, and Web
	Triple Mode = "triple" // one mobile, one desktop, and Web
	Multi  Mode = "multi"  // all at the same time
)

// Settings of an SDKAppID.
type Settings struct {
	// WebInstances is how many Web instances a user may have online, 1 to 10.
	WebInstances int `json:"webInstances"`
	// LoginMode says which platforms exclude each other.
	LoginMode Mode `json:"loginMode"`
	// Instances is how many instances a user may have online on each other
	// platform, 1 to 3; a platform that is absent has 1. Linux counts as
	// Windows.
	Instances map[place.Platform]int `json:"instances,omitempty"`
	// Revision numbers the changes; 0 when they were never set.
	Revision uint64 `json:"-"`
}

// Patch changes some of the settings; nil leaves a setting as it is. Its JSON
// is what timd_config/set takes.
type Patch struct {
	WebInstances *int                   `json:",omitempty"`
	LoginMode    *Mode                  `json:",omitempty"`
	Instances    map[place.Platform]int `json:",omitempty"`
}

// Check returns an ErrSettings if a value is bad.
func (p Patch) Check() error {
	_, err := defaultSettings().apply(p)
	return err
}

// ErrSettings is wrapped by every error about a bad value of settings; the text
// says which values are good.
var ErrSettings = errors.New("bad settings")

func defaultSettings() Settings {
	return Settings{WebInstances: 1, LoginMode: Dual}
}

// apply returns the settings with a patch applied, or an ErrSettings.
func (s Settings) apply(p Patch) (Settings, error) {
	if p.WebInstances != nil {
		if *p.WebInstances < 1 || *p.WebInstances > 10 {
			return s, fmt.Errorf("%w: WebInstances is %d and must be 1 to 10", ErrSettings, *p.WebInstances)
		}
		s.WebInstances = *p.WebInstances
	}
	if p.LoginMode != nil {
		switch *p.LoginMode {
		case Single, Dual, Triple, Multi:
			s.LoginMode = *p.LoginMode
		default:
			return s, fmt.Errorf("%w: LoginMode is %.32q and must be single, dual, triple or multi", ErrSettings, string(*p.LoginMode))
		}
	}
	if len(p.Instances) > 0 {
		all := make(map[place.Platform]int, len(s.Instances)+len(p.Instances))
		for k, v := range s.Instances {
			all[k] = v
		}
		for k, v := range p.Instances {
			switch k {
			case place.Linux:
				k = place.Windows
			case place.Android, place.IPhone, place.IPad, place.Windows, place.Mac:
			default:
				return s, fmt.Errorf("%w: %.32q is not a native platform: Android, iPhone, iPad, Windows, Mac or Linux", ErrSettings, string(k))
			}
			if v < 1 || v > 3 {
				return s, fmt.Errorf("%w: Instances of %s is %d and must be 1 to 3", ErrSettings, k, v)
			}
			all[k] = v
		}
		s.Instances = all
	}
	return s, nil
}

// limit returns how many instances of a platform may be online.
func (s *Settings) limit(p place.Platform) int {
	p = kind(p)
	if p == place.Web {
		return max(s.WebInstances, 1)
	}
	return max(s.Instances[p], 1)
}

// kind returns a platform as the rules see it: Linux is treated like Windows.
func kind(p place.Platform) place.Platform {
	if p == place.Linux {
		return place.Windows
	}
	return p
}

// rivals reports whether two different platforms exclude each other.
func (s *Settings) rivals(a, b place.Platform) bool {
	a, b = kind(a), kind(b)
	if a == b {
		return false
	}
	switch s.LoginMode {
	case Single:
		return true
	case Triple:
		return a != place.Web && b != place.Web && desktop(a) == desktop(b)
	case Multi:
		return false
	case Dual:
	}
	return a != place.Web && b != place.Web
}

func desktop(p place.Platform) bool { return p == place.Windows || p == place.Mac }
