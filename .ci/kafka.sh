#!/usr/bin/env bash
# Fetches the jars of a Kafka broker and its tools from Maven Central into DIR/libs, for the tests of `kapacitor-udf kafka`:
#   .ci/kafka.sh DIR && KAFKA_HOME=DIR npm run test:long
set -euo pipefail
version=4.1.1
dir=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$dir/libs/kafka_2.13-$version.jar" ] && exit 0
pom=$(mktemp -d)
trap 'rm -rf "$pom"' EXIT
dependency() {
  echo "<dependency><groupId>org.apache.kafka</groupId><artifactId>$1</artifactId><version>$version</version></dependency>"
}
cat > "$pom/pom.xml" << XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kapacitor-udf</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>$(dependency kafka_2.13)$(dependency kafka-tools)</dependencies>
</project>
XML
mvn -q -B -f "$pom/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$dir/libs"
