#!/usr/bin/env bash
# Fetches the jars of a KairosDB from Maven Central into DIR/lib, for the tests of `feed` into it:
#   .ci/kairosdb.sh DIR && KAIROSDB_HOME=DIR npx vitest run --config test/long.config.ts test/e2e/kairosdb
set -euo pipefail
source "$(dirname "$0")/maven-jars.sh"
version=1.3.0-1
dir=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$dir/lib/kairosdb-$version.jar" ] && exit 0
needed=( # and what its own pom leaves out
  "org.kairosdb:kairosdb:$version"
  com.sun.jersey:jersey-core:1.19.4
  com.sun.jersey.contribs:jersey-guice:1.19.4
  com.sun.jersey.contribs.jersey-oauth:oauth-signature:1.19.4
  org.eclipse.jetty:jetty-servlets:9.4.31.v20200723
  com.sun.xml.bind:jaxb-core:2.3.0
  com.sun.activation:javax.activation:1.2.0
)
maven_jars "$dir/lib" "${needed[@]}"
