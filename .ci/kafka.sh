#!/usr/bin/env bash
# Fetches the jars of a Kafka broker and its tools from Maven Central into DIR/libs, for the tests of `kapacitor-udf kafka`:
#   .ci/kafka.sh DIR && KAFKA_HOME=DIR npm run test:long
set -euo pipefail
source "$(dirname "$0")/maven-jars.sh"
version=4.1.1
dir=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$dir/libs/kafka_2.13-$version.jar" ] && exit 0
maven_jars "$dir/libs" "org.apache.kafka:kafka_2.13:$version" "org.apache.kafka:kafka-tools:$version"
