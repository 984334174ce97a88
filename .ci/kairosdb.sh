#!/usr/bin/env bash
# Fetches the jars of a KairosDB from Maven Central into DIR/lib, for the tests of `feed` into it:
#   .ci/kairosdb.sh DIR && KAIROSDB_HOME=DIR npx vitest run --config test/long.config.ts test/e2e/kairosdb
set -euo pipefail
version=1.3.0-1
dir=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$dir/lib/kairosdb-$version.jar" ] && exit 0
pom=$(mktemp -d)
trap 'rm -rf "$pom"' EXIT
dependency() {
  echo "<dependency><groupId>$1</groupId><artifactId>$2</artifactId><version>$3</version></dependency>"
}
# KairosDB's own pom leaves out some of what it needs.
cat > "$pom/pom.xml" << XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kapacitor-udf</groupId>
  <artifactId>kairosdb</artifactId>
  <version>1</version>
  <dependencies>
    $(dependency org.kairosdb kairosdb $version)
    $(dependency com.sun.jersey jersey-core 1.19.4)
    $(dependency com.sun.jersey.contribs jersey-guice 1.19.4)
    $(dependency com.sun.jersey.contribs.jersey-oauth oauth-signature 1.19.4)
    $(dependency org.eclipse.jetty jetty-servlets 9.4.31.v20200723)
    $(dependency com.sun.xml.bind jaxb-core 2.3.0)
    $(dependency com.sun.activation javax.activation 1.2.0)
  </dependencies>
</project>
XML
mvn -q -B -f "$pom/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$dir/lib"
