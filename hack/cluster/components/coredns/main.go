// CoreDNS with the few plugins that the cluster's Corefile names.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

func init() {
	// A query goes through them in this order: what the cluster does not know, template refuses.
	dnsserver.Directives = []string{"ready", "errors", "cache", "kubernetes", "template"}
}

func main() {
	coremain.Run()
}
