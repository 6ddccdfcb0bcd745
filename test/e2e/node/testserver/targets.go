// Service discovery for a Prometheus without Kubernetes support (Debian's): an HTTP server that lists the pods to scrape,
// those with the annotation prometheus.io/scrape: "true".
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"
)

type podList struct {
	Items []struct {
		Metadata struct {
			Name, Namespace     string
			Labels, Annotations map[string]string
		}
		Status struct{ Phase, PodIP string }
	}
}

type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

func targets(args []string) error {
	flags := flag.NewFlagSet("targets", flag.ExitOnError)
	server := flags.String("server", "", "the API server's URL")
	authority := flags.String("ca", "", "file of its certificate authority")
	token := flags.String("token", "", "bearer token")
	listen := flags.String("listen", "127.0.0.1:9099", "address")
	_ = flags.Parse(args)
	pem, err := os.ReadFile(*authority)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return errors.New("no certificate in " + *authority)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	client := &http.Client{Timeout: 2 * time.Second, Transport: transport}
	return http.ListenAndServe(*listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pods, err := listPods(client, *server, *token)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(groupsOf(pods))
	}))
}

func listPods(client *http.Client, server, token string) (*podList, error) {
	request, err := http.NewRequest(http.MethodGet, server+"/api/v1/pods?resourceVersion=0", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("pods: %s", response.Status)
	}
	pods := &podList{}
	return pods, json.NewDecoder(response.Body).Decode(pods)
}

func groupsOf(pods *podList) []targetGroup {
	groups := []targetGroup{}
	for _, pod := range pods.Items {
		marks := pod.Metadata.Annotations
		if marks["prometheus.io/scrape"] != "true" || pod.Status.Phase != "Running" || pod.Status.PodIP == "" {
			continue
		}
		port := marks["prometheus.io/port"]
		if port == "" {
			port = "8080"
		}
		groups = append(groups, targetGroup{
			Targets: []string{pod.Status.PodIP + ":" + port},
			Labels: map[string]string{
				"app":       pod.Metadata.Labels["app"],
				"namespace": pod.Metadata.Namespace,
				"pod":       pod.Metadata.Name,
				// The names that Flagger's own queries use.
				"kubernetes_namespace": pod.Metadata.Namespace,
				"kubernetes_pod_name":  pod.Metadata.Name,
			},
		})
	}
	return groups
}
