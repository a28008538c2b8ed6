"""Networks with open choices: what each choice costs as tables, and questions that are answered on the whole space."""
