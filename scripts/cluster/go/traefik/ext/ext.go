// Package ext stands in for a module nested in Traefik's repository, which no module proxy serves: the places where a
// build of Traefik may add configuration of its own. Nothing is added here.
package ext

// HTTP has no fields of its own.
type HTTP struct{}

// DeepCopyInto has nothing to copy.
func (in *HTTP) DeepCopyInto(out *HTTP) { *out = *in }

// Router has no fields of its own.
type Router struct{}

// DeepCopyInto has nothing to copy.
func (in *Router) DeepCopyInto(out *Router) { *out = *in }
