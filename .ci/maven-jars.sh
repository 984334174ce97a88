# Sourced by the scripts that fetch servers for tests from Maven Central.

# Copies jars and all that they need at run time: maven_jars DIRECTORY GROUP:ARTIFACT:VERSION…
maven_jars() {
  local directory=$1 dependencies= group artifact version jar project
  shift
  for jar in "$@"; do
    IFS=: read -r group artifact version <<< "$jar"
    dependencies+="<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
  done
  project=$(mktemp -d)
  cat > "$project/pom.xml" << XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kapacitor-udf</groupId>
  <artifactId>jars</artifactId>
  <version>1</version>
  <dependencies>$dependencies</dependencies>
</project>
XML
  trap "rm -rf '$project'" EXIT
  mvn -q -B -f "$project/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$directory"
}
