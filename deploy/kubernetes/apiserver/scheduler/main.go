// The scheduler of Kubernetes, for `make check-chart`: it gives pods to the nodes that kwok pretends to be.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	os.Exit(cli.Run(app.NewSchedulerCommand()))
}
