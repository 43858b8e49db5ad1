// The controllers of Kubernetes, for `make check-chart`: Deployments get their pods, and autoscalers and disruption budgets act.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	os.Exit(cli.Run(app.NewControllerManagerCommand()))
}
