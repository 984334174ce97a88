// The bundled UDFs and the host import each other. A test that begins with one of these UDFs would leave the list of all
// incomplete for the tests that share its modules.
import '../../udfs/index.js';
